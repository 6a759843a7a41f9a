//! One static page: no network, no build, differences first, a search field.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::compare::{ModuleComparison, Row};
use crate::report::{Report, SubjectReport, percent};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The whole page.
pub fn render(report: &Report) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { "Conformance against CPython " (report.reference) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "Conformance against CPython " (report.reference) }
                @if report.interrupted { p.warning { "This run was interrupted; what it had is shown." } }
                (controls())
                @for subject in &report.subjects { (section(subject)) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    };
    page.into_string()
}

fn controls() -> Markup {
    html! {
        p.controls {
            input #search type="search" placeholder="search tests and tracebacks" autofocus;
            label { input #passing type="checkbox"; " show passing tests" }
            span #found {}
        }
    }
}

fn section(subject: &SubjectReport) -> Markup {
    let (passed, expected) = (subject.passed(), subject.expected());
    let mut modules: Vec<&ModuleComparison> = subject.modules.iter().collect();
    modules.sort_by_key(|module| std::cmp::Reverse(module.rows.len() - module.good()));
    html! {
        section {
            h2 { (subject.label) ": " (passed) " of " (expected) " (" (percent(passed, expected)) ")" }
            @for module in modules { (module_block(module)) }
        }
    }
}

fn module_block(module: &ModuleComparison) -> Markup {
    let (bad, good): (Vec<&Row>, Vec<&Row>) = module.rows.iter().partition(|row| !row.outcome.is_good());
    html! {
        details.module open[!bad.is_empty() && bad.len() <= 20] {
            summary {
                b { (module.module) } " " (good.len()) "/" (module.rows.len())
                @if !bad.is_empty() { span.bad { " " (bad.len()) " differ" } }
                span.time { (format!("{:.1} s, control {:.1} s", module.seconds, module.control_seconds)) }
            }
            @if let Some(trouble) = &module.trouble {
                details.test data-name=(module.module) {
                    summary { span class=(trouble.outcome.name()) { (trouble.outcome.name()) } " the module as a whole" }
                    pre { (trouble.detail) }
                }
            }
            @for row in bad { (test(row)) }
            @for row in good { div.test.good data-name=(row.id) { span.pass { "pass" } " " (row.id) } }
        }
    }
}

fn test(row: &Row) -> Markup {
    html! {
        details.test data-name=(row.id) {
            summary { span class=(row.outcome.name()) { (row.outcome.name()) } " " (row.id) span.time { (format!("{:.2} s", row.seconds)) } }
            pre { (row.detail) }
        }
    }
}
