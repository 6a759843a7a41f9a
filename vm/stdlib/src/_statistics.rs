//! `_statistics`: the inverse of the normal distribution function (M. J. Wichura, "Algorithm AS 241: The Percentage Points of the Normal
//! Distribution", 1988).

use krait_runtime::{module, pyfunction};

/// Numerator and denominator of one of the three rational approximations, highest power first.
type Ratio = ([f64; 8], [f64; 8]);

const CENTRAL: Ratio = (
    [
        2.509_080_928_730_122_672_7e+3,
        3.343_057_558_358_812_810_5e+4,
        6.726_577_092_700_870_085_3e+4,
        4.592_195_393_154_987_145_7e+4,
        1.373_169_376_550_946_112_5e+4,
        1.971_590_950_306_551_442_7e+3,
        1.331_416_678_917_843_774_5e+2,
        3.387_132_872_796_366_608_0e+0,
    ],
    [
        5.226_495_278_852_854_561e+3,
        2.872_908_573_572_194_267_4e+4,
        3.930_789_580_009_271_061e+4,
        2.121_379_430_158_659_586_7e+4,
        5.394_196_021_424_751_107_7e+3,
        6.871_870_074_920_579_083e+2,
        4.231_333_070_160_091_125_2e+1,
        1.0,
    ],
);

const MIDDLE: Ratio = (
    [
        7.745_450_142_783_414_076_4e-4,
        2.272_384_498_926_918_458_5e-2,
        2.417_807_251_774_506_117_8e-1,
        1.270_458_252_452_368_382_6e+0,
        3.647_848_324_763_204_605_1e+0,
        5.769_497_221_460_691_405_5e+0,
        4.630_337_846_156_545_295_9e+0,
        1.423_437_110_749_683_577_34e+0,
    ],
    [
        1.050_750_071_644_416_843_24e-9,
        5.475_938_084_995_344_946e-4,
        1.519_866_656_361_645_719_66e-2,
        1.481_039_764_274_800_745_9e-1,
        6.897_673_349_851_000_045_5e-1,
        1.676_384_830_183_803_849_4e+0,
        2.053_191_626_637_758_821_87e+0,
        1.0,
    ],
);

const TAIL: Ratio = (
    [
        2.010_334_399_292_288_132_65e-7,
        2.711_555_568_743_487_578_15e-5,
        1.242_660_947_388_078_438_6e-3,
        2.653_218_952_657_612_309_3e-2,
        2.965_605_718_285_048_912_3e-1,
        1.784_826_539_917_291_335_8e+0,
        5.463_784_911_164_114_369_9e+0,
        6.657_904_643_501_103_777_2e+0,
    ],
    [
        2.044_263_103_389_939_785_64e-15,
        1.421_511_758_316_445_888_7e-7,
        1.846_318_317_510_054_681_8e-5,
        7.868_691_311_456_132_591e-4,
        1.487_536_129_085_061_485_25e-2,
        1.369_298_809_227_358_053_1e-1,
        5.998_322_065_558_879_376_9e-1,
        1.0,
    ],
);

fn polynomial(coefficients: &[f64; 8], r: f64) -> f64 {
    coefficients.iter().fold(0.0, |sum, c| sum * r + c)
}

/// Value of a normal distribution with mean mu and deviation sigma below which values fall with probability p.
#[pyfunction(sig = "(p, mu, sigma, /)")]
fn _normal_dist_inv_cdf(p: f64, mu: f64, sigma: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180625 - q * q;
        let x = polynomial(&CENTRAL.0, r) * q / polynomial(&CENTRAL.1, r);
        return mu + x * sigma;
    }
    let r = (-(if q <= 0.0 { p } else { 1.0 - p }).ln()).sqrt();
    let ((numerator, denominator), r) = if r <= 5.0 { (&MIDDLE, r - 1.6) } else { (&TAIL, r - 5.0) };
    let x = polynomial(numerator, r) / polynomial(denominator, r);
    mu + if q < 0.0 { -x } else { x } * sigma
}

module! {
    "_statistics",
    doc: "Accelerators for the statistics module.\n",
    functions: [_normal_dist_inv_cdf],
    types: [],
}
