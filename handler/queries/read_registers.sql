select register, rank from register where site = $1
