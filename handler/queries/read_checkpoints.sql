select digest, bytes from checkpoint where site = $1
