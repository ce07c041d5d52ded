//! {{language}} programs become WebAssembly: a line `NAME = NUMBER` is an exported function.
//!
//! This is where your compiler goes; a real one would run its toolchain.

/// A line that is no {{language}}; both numbers count from 1.
pub struct SourceError {
    pub line: usize,
    pub column: usize,
    pub message: &'static str,
}

/// A module with one function a line; with `debug` it keeps the functions' names.
pub fn compile_source(text: &str, debug: bool) -> Result<Vec<u8>, SourceError> {
    let functions = parse(text)?;
    let count = functions.len();
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    section(&mut module, 1, b"\x01\x60\0\x01\x7f"); // one type: () -> i32
    section(&mut module, 3, &vector(count, |_, out| out.push(0)));
    section(&mut module, 7, &vector(count, |n, out| {
        string(out, functions[n].0);
        out.push(0);
        unsigned(out, n);
    }));
    section(&mut module, 10, &vector(count, |n, out| {
        let mut body = vec![0, 0x41]; // no locals; i32.const
        signed(&mut body, functions[n].1);
        body.push(0x0b);
        unsigned(out, body.len());
        out.extend(body);
    }));
    if debug {
        let mut content = Vec::new();
        string(&mut content, "name");
        section(&mut content, 1, &vector(count, |n, out| {
            unsigned(out, n);
            string(out, functions[n].0);
        }));
        section(&mut module, 0, &content);
    }
    Ok(module)
}

fn parse(text: &str) -> Result<Vec<(&str, i32)>, SourceError> {
    let mut functions: Vec<(&str, i32)> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.split('#').next().unwrap_or("").trim();
        if code.is_empty() {
            continue;
        }
        let column = line.len() - line.trim_start().len() + 1;
        let fail = |message| SourceError { line: number + 1, column, message };
        let (name, value) = code.split_once('=').ok_or_else(|| fail("expected NAME = NUMBER"))?;
        let (name, value) = (name.trim(), value.trim());
        let digits = value.strip_prefix('-').unwrap_or(value);
        if !is_name(name) || digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(fail("expected NAME = NUMBER"));
        }
        let value = value.parse().map_err(|_| fail("the number does not fit 32 bits"))?;
        if functions.iter().any(|(other, _)| *other == name) {
            return Err(fail("the name is there already"));
        }
        functions.push((name, value));
    }
    if functions.is_empty() {
        return Err(SourceError { line: 1, column: 1, message: "the program is empty" });
    }
    Ok(functions)
}

fn is_name(text: &str) -> bool {
    let starts = text.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
    starts && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn section(out: &mut Vec<u8>, number: u8, content: &[u8]) {
    out.push(number);
    unsigned(out, content.len());
    out.extend(content);
}

fn vector(count: usize, mut item: impl FnMut(usize, &mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    unsigned(&mut out, count);
    for n in 0..count {
        item(n, &mut out);
    }
    out
}

fn string(out: &mut Vec<u8>, text: &str) {
    unsigned(out, text.len());
    out.extend(text.bytes());
}

fn unsigned(out: &mut Vec<u8>, mut value: usize) {
    while value > 0x7f {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn signed(out: &mut Vec<u8>, mut value: i32) {
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if (value == 0 && low & 0x40 == 0) || (value == -1 && low & 0x40 != 0) {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}
