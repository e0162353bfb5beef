//! `glance-server`: see `glance-server --help`.

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    glance_server::cli::run(env::args_os())
}
