use std::process::ExitCode;

fn main() -> ExitCode {
    ropewalk::cli::main()
}
