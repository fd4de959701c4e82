//! All-time visitors, estimated: an exact count would need to store a hash of every visitor for ever.
//!
//! HyperLogLog (Flajolet et al. 2007) with [`REGISTERS`] registers and Ertl's improved raw estimator. The estimator needs no bias
//! tables and is accurate from one visitor on (Ertl, "New cardinality estimation algorithms for HyperLogLog sketches", 2017,
//! algorithm 6). Written here, because no maintained crate has this estimator.

use super::fingerprint::Fingerprint;

/// Bits of the hash that choose the register (p).
const PRECISION: u32 = 12;

/// How many registers a site has.
pub const REGISTERS: usize = 1 << PRECISION;

/// Bits that are left for the rank (q).
const RANK_BITS: u32 = 64 - PRECISION;

/// The relative standard error of the estimate: 1.04 / √[`REGISTERS`].
pub const STANDARD_ERROR: f64 = 0.016_25;

/// One observation: register and rank (1 to 53) of a visitor's hash under the site's own salt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// 0 to [`REGISTERS`] - 1.
    pub register: u16,
    /// One more than the number of leading zeros of the rest of the hash.
    pub rank: u8,
}

/// The register and rank of a visitor's all-time hash.
pub fn observe(hash: Fingerprint) -> Observation {
    let bits = hash.0.cast_unsigned();
    let rest = bits << PRECISION;
    let rank = rest.leading_zeros().min(RANK_BITS) + 1;
    Observation {
        register: u16::try_from(bits >> RANK_BITS).expect("twelve bits fit"),
        rank: u8::try_from(rank).expect("at most 53"),
    }
}

/// Estimates how many different visitors raised the registers to these ranks. Registers not given are zero.
pub fn estimate(ranks: impl IntoIterator<Item = u8>) -> f64 {
    let mut histogram = [0_u32; RANK_BITS as usize + 2];
    let mut raised = 0;
    for rank in ranks {
        if rank > 0 {
            histogram[usize::from(rank).min(RANK_BITS as usize + 1)] += 1;
            raised += 1;
        }
    }
    let m = REGISTERS as f64;
    let untouched = REGISTERS.saturating_sub(raised) as f64;
    let mut z = m * tau(1.0 - f64::from(histogram[RANK_BITS as usize + 1]) / m);
    for count in histogram[1..=RANK_BITS as usize].iter().rev() {
        z = 0.5 * (z + f64::from(*count));
    }
    z += m * sigma(untouched / m);
    let alpha = 1.0 / (2.0 * std::f64::consts::LN_2);
    alpha * m * m / z
}

/// Ertl's σ: the correction for registers that are still zero.
fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let mut y = 1.0;
    let mut z = x;
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z <= before {
            return z;
        }
    }
}

/// Ertl's τ: the correction for registers that are full.
fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let mut y = 1.0;
    let mut z = 1.0 - x;
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x).powi(2) * y;
        if z >= before {
            return z / 3.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: u64) -> Fingerprint {
        let hash = blake3::hash(&number.to_le_bytes());
        Fingerprint(i64::from_le_bytes(hash.as_bytes()[..8].try_into().unwrap()))
    }

    #[test]
    fn the_estimate_stays_within_three_standard_errors_from_one_visitor_to_a_million() {
        let mut ranks = vec![0_u8; REGISTERS];
        let mut next = 1;
        for n in 1..=1_000_000_u64 {
            let Observation { register, rank } = observe(hash(n));
            let known = &mut ranks[usize::from(register)];
            *known = rank.max(*known);
            if n == next {
                let error = (estimate(ranks.iter().copied()) - n as f64).abs() / n as f64;
                assert!(error <= 3.0 * STANDARD_ERROR, "{n} visitors: off by {error}");
                next *= 10;
            }
        }
    }

    #[test]
    fn no_observations_are_no_visitors() {
        assert_eq!(estimate([]), 0.0);
    }

    #[test]
    fn ranks_and_registers_stay_in_range() {
        assert_eq!(observe(Fingerprint(0)), Observation { register: 0, rank: 53 });
        assert_eq!(observe(Fingerprint(-1)), Observation { register: 4095, rank: 1 });
    }
}
