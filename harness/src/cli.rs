//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

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
    /// Compare what Krait says of whole sources, in process and through its command, with the reference
    Snapshot(Box<SnapshotArguments>),
    /// Damage real sources token by token and compare the errors with the reference's
    Mutate(Box<MutateArguments>),
    /// Time Krait's front end beside the reference's, in one run
    Bench(Box<BenchArguments>),
    /// Let the reference run test modules from .pyc files that Krait wrote, and Krait from the reference's
    Exchange(Box<ExchangeArguments>),
    /// Answer questions about sources in process (internal)
    #[command(name = "__probe", hide = true)]
    Probe { memory: u64 },
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

/// The reference and what is compared with it.
#[derive(Args, Debug)]
pub struct SideArguments {
    /// A Python to compare with the reference; without any, Krait is built and compared
    #[arg(long, value_name = "CMD")]
    pub subject: Vec<String>,
    /// Leave out Krait's crates in process
    #[arg(long)]
    pub no_library: bool,
    /// Leave out the command, so that nothing is built
    #[arg(long)]
    pub no_command: bool,
    /// Sets of workers at a time [default: the number of processors]
    #[arg(long, short, value_name = "N")]
    pub jobs: Option<usize>,
    /// Seconds an answer may take
    #[arg(long, value_name = "S", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..))]
    pub timeout: u64,
    /// Address space of a worker in MiB
    #[arg(long, value_name = "MIB", default_value_t = 8192, value_parser = clap::value_parser!(u64).range(64..1 << 30))]
    pub memory: u64,
    /// The CPython 3.14 to compare with
    #[arg(long, value_name = "PYTHON", env = "KRAIT_REFERENCE")]
    pub reference: Option<PathBuf>,
}

/// What is said of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SnapshotKind {
    /// `tokenize.tokenize`, and the tokenizer without its extra tokens
    Tokens,
    /// `ast.dump(include_attributes=True)`
    Ast,
    /// Errors and warnings of `compile` in the modes exec, single and eval
    Errors,
    /// Code objects, field by field
    Code,
    /// The text of `dis`, with caches and positions
    Dis,
}

impl SnapshotKind {
    /// The word for it in questions and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Ast => "ast",
            Self::Errors => "errors",
            Self::Code => "code",
            Self::Dis => "dis",
        }
    }
}

#[derive(Args, Debug)]
pub struct SnapshotArguments {
    /// What to compare
    pub kind: SnapshotKind,
    /// Files or folders; without any, the reference's library and tests, and corpus/
    pub paths: Vec<PathBuf>,
    /// Level of optimisation; repeat it for several. For ast: the tree after its preprocessing
    #[arg(long, short = 'O', value_name = "LEVEL", value_parser = clap::value_parser!(u8).range(0..=2))]
    pub optimize: Vec<u8>,
    /// Differences shown per side; all are counted and in the JSON report
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: usize,
    /// Write a JSON report
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    #[command(flatten)]
    pub sides: SideArguments,
}

#[derive(Args, Debug)]
pub struct MutateArguments {
    /// Files or folders; without any, the reference's library and tests
    pub paths: Vec<PathBuf>,
    /// The same seed makes the same mutants of the same sources
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// How many mutants
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    pub count: usize,
    /// Number of the first mutant, to see one again
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub first: usize,
    /// Damage whole files instead of some of their statements
    #[arg(long)]
    pub whole: bool,
    /// Kinds of difference shown per side; all are in the JSON report
    #[arg(long, value_name = "N", default_value_t = 60)]
    pub limit: usize,
    /// Write the mutants that differ, and both answers, into a folder
    #[arg(long, value_name = "DIR")]
    pub write: Option<PathBuf>,
    /// Write a JSON report
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    #[command(flatten)]
    pub sides: SideArguments,
}

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BenchKind {
    /// Trees, tokens, code, marshal and imports of the whole library, and how times grow with one large source
    Front,
}

#[derive(Args, Debug)]
pub struct BenchArguments {
    /// What to time
    pub kind: BenchKind,
    /// Files or folders; without any, the reference's library and tests
    pub paths: Vec<PathBuf>,
    /// Only these parts: ast, tokenize, compile, marshal, import, process, curves
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Times each is done; the best counts
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// Size of the largest source of the curves, in MB
    #[arg(long, value_name = "MB", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub size: u32,
    /// A Python to time beside the reference; without any, Krait is built and timed
    #[arg(long, value_name = "CMD")]
    pub subject: Option<String>,
    /// Address space of a worker in MiB
    #[arg(long, value_name = "MIB", default_value_t = 8192, value_parser = clap::value_parser!(u64).range(64..1 << 30))]
    pub memory: u64,
    /// Write a JSON report
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// The CPython 3.14 to compare with
    #[arg(long, value_name = "PYTHON", env = "KRAIT_REFERENCE")]
    pub reference: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub struct ExchangeArguments {
    /// Test modules; without any, test_grammar
    pub modules: Vec<String>,
    /// The Python to exchange files with; without any, Krait is built
    #[arg(long, value_name = "CMD")]
    pub subject: Option<String>,
    /// The CPython 3.14
    #[arg(long, value_name = "PYTHON", env = "KRAIT_REFERENCE")]
    pub reference: Option<PathBuf>,
}
