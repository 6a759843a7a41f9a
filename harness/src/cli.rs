//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Runs CPython's own test suite on any Python, test by test, beside CPython itself.
#[derive(Debug, Parser)]
#[command(name = "harness", version, args_override_self = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Action,
}

#[derive(Debug, Subcommand)]
pub enum Action {
    /// Find CPython 3.14 with its test package, or install a private copy, and say where it is
    Reference {
        /// The Python to use
        #[arg(long, value_name = "PYTHON", env = "KRAIT_REFERENCE")]
        reference: Option<PathBuf>,
    },
    /// Run test modules on subjects and compare every test with the reference
    Run(Box<RunArguments>),
    /// Become a worker (internal)
    #[command(name = "__launch", hide = true)]
    Launch {
        memory: u64,
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
}

#[derive(Args, Debug)]
#[command(args_override_self = true)]
pub struct RunArguments {
    /// Test modules or globs (test_list, "test_dict*"); without any, the list harness/lists/first.txt
    #[arg(value_name = "MODULE|GLOB")]
    pub modules: Vec<String>,
    /// A file with a module a line
    #[arg(long, value_name = "FILE")]
    pub list: Vec<PathBuf>,
    /// A Python to test, with arguments if need be; without any, Krait is built and tested
    #[arg(long, value_name = "CMD")]
    pub subject: Vec<String>,
    /// Workers at a time [default: the number of processors]
    #[arg(long, short, value_name = "N")]
    pub jobs: Option<usize>,
    /// A folder with more test modules, in front of the reference's own
    #[arg(long, value_name = "DIR")]
    pub tests: Option<PathBuf>,
    /// Seconds a test may take
    #[arg(long, value_name = "S", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    pub timeout: u64,
    /// Address space of a worker in MiB
    #[arg(long, value_name = "MIB", default_value_t = 4096, value_parser = clap::value_parser!(u64).range(64..1 << 30))]
    pub memory: u64,
    /// Only tests whose id contains PATTERN, or matches it if it has a "*"
    #[arg(short = 'k', value_name = "PATTERN")]
    pub patterns: Vec<String>,
    /// Print every test that does not pass with its traceback
    #[arg(long, short)]
    pub verbose: bool,
    /// Take the results over into the expectations
    #[arg(long)]
    pub accept: bool,
    /// The expectations [default: snapshots/conformance/IMPLEMENTATION.txt]
    #[arg(long, value_name = "FILE")]
    pub expectations: Option<PathBuf>,
    /// Run the control again instead of using its cached results
    #[arg(long)]
    pub refresh: bool,
    /// The CPython 3.14 to compare with
    #[arg(long, value_name = "PYTHON", env = "KRAIT_REFERENCE")]
    pub reference: Option<PathBuf>,
    /// Folder of the reports [default: target/conformance]
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// The JSON report [default: results.json in the folder]
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// The JUnit report [default: junit.xml in the folder]
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// The HTML report [default: report.html in the folder]
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}
