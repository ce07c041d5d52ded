//! The {{name}} plugin for wasmrun: {{language}} projects become WebAssembly.

mod abi;
mod compiler;

use std::ffi::c_void;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::ptr::null_mut;

use abi::{BuildConfig, BuildResult, Host, Plugin, Str};

const ENTRY_FILE: &str = "main.{{extension}}";
const MANIFEST: &str = r#"
name = "{{language}}"
plugin = "{{name}}"
version = "0.1.0"
description = "Builds {{language}} projects into WebAssembly."
extensions = ["{{extension}}"]
entry_files = ["main.{{extension}}"]
abi = 1
[capabilities]
live_reload = true
optimization = true
"#;

/// The plugin's state: one for each helper process.
struct State {
    host: *const Host,
}

impl State {
    fn report(&self, fraction: f64, message: &'static str) {
        if let Some(host) = unsafe { self.host.as_ref() } {
            (host.progress)(host.ctx, fraction, Str::of(message));
        }
    }

    fn build(&self, config: &BuildConfig) -> Result<PathBuf, (u32, String)> {
        let (project, entry, name) =
            unsafe { (config.project_path.text(), config.entry.text(), config.name.text()) };
        let entry = if entry.is_empty() { Path::new(project).join(ENTRY_FILE) } else { entry.into() };
        let source = std::fs::read_to_string(&entry)
            .map_err(|error| (abi::INVALID_PROJECT, format!("{}: {error}", entry.display())))?;
        let debug =
            config.optimization == abi::OPTIMIZE_DEBUG || config.flags & abi::BUILD_DEBUG_INFO != 0;
        let module = compiler::compile_source(&source, debug).map_err(|error| {
            let text = format!("{ENTRY_FILE}:{}:{}: error: {}", error.line, error.column, error.message);
            (abi::BUILD_FAILED, text)
        })?;
        let name = if name.is_empty() { "main" } else { name };
        let path = Path::new(unsafe { config.output_dir.text() }).join(format!("{name}.wasm"));
        std::fs::write(&path, module).map_err(|error| (abi::BUILD_FAILED, error.to_string()))?;
        Ok(path)
    }
}

fn result(status: u32, message: String, wasm_path: String) -> *mut BuildResult {
    Box::into_raw(Box::new(BuildResult {
        struct_size: std::mem::size_of::<BuildResult>() as u32,
        status,
        flags: 0,
        reserved: 0,
        message: Str::leak(message),
        wasm_path: Str::leak(wasm_path),
        js_path: Str::EMPTY,
        additional_files: std::ptr::null(),
        additional_files_len: 0,
    }))
}

unsafe extern "C" fn create(host: *const Host) -> *mut c_void {
    Box::into_raw(Box::new(State { host })) as *mut c_void
}

unsafe extern "C" fn destroy(state: *mut c_void) {
    drop(Box::from_raw(state as *mut State));
}

unsafe extern "C" fn can_handle(_state: *mut c_void, project: Str) -> u32 {
    if Path::new(project.text()).join(ENTRY_FILE).is_file() { 95 } else { 0 }
}

unsafe extern "C" fn validate(_state: *mut c_void, project: Str) -> *mut BuildResult {
    if Path::new(project.text()).join(ENTRY_FILE).is_file() {
        return null_mut();
    }
    result(abi::INVALID_PROJECT, format!("{ENTRY_FILE} is not there"), String::new())
}

unsafe extern "C" fn build(state: *mut c_void, config: *const BuildConfig) -> *mut BuildResult {
    let (state, config) = (&*(state as *const State), &*config);
    state.report(0.0, "Compiling {{language}}");
    // A panic must not leave this function.
    let built = catch_unwind(AssertUnwindSafe(|| state.build(config)));
    state.report(1.0, "Compiling {{language}}");
    match built {
        Ok(Ok(path)) => result(abi::OK, String::new(), path.to_string_lossy().into_owned()),
        Ok(Err((status, message))) => result(status, message, String::new()),
        Err(_) => result(abi::INTERNAL, "the compiler panicked".into(), String::new()),
    }
}

unsafe extern "C" fn free_result(_state: *mut c_void, result: *mut BuildResult) {
    if !result.is_null() {
        let result = Box::from_raw(result);
        result.message.take();
        result.wasm_path.take();
    }
}

static TABLE: Plugin = Plugin {
    struct_size: std::mem::size_of::<Plugin>() as u32,
    abi_version: abi::ABI_VERSION,
    manifest: Str::of(MANIFEST),
    create: Some(create),
    destroy: Some(destroy),
    can_handle: Some(can_handle),
    check_dependencies: None,
    validate: Some(validate),
    build: Some(build),
    clean: None,
    free_result: Some(free_result),
};

#[no_mangle]
pub extern "C" fn wasmrun_abi_version() -> u32 {
    abi::ABI_VERSION
}

#[no_mangle]
pub extern "C" fn wasmrun_plugin_entry() -> *const Plugin {
    &TABLE
}
