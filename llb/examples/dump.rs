//! Prints a definition that stands on standard input: `dump json|tree|dot`.

#![expect(clippy::print_stdout, reason = "printing is what it does")]

use std::io::Read;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes)?;
    let definition = llb::Definition::decode(&bytes)?;
    let text = match std::env::args().nth(1).as_deref() {
        Some("tree") => definition.to_tree()?,
        Some("dot") => definition.to_dot()?,
        _ => definition.to_json()?,
    };
    print!("{text}");
    Ok(())
}
