//! Tells the evaluator whether calls in tail position become jumps: the optimiser makes them so, an unoptimised build does not.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(threaded)");
    println!("cargo::rerun-if-env-changed=OPT_LEVEL");
    let optimized = std::env::var("OPT_LEVEL").is_ok_and(|level| matches!(level.as_str(), "2" | "3"));
    let known = std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| matches!(arch.as_str(), "x86_64" | "aarch64"));
    if optimized && known {
        println!("cargo::rustc-cfg=threaded");
    }
}
