//! The C interface of wasmrun, ABI 1, as `wasmrun_plugin.h` has it (`wasmrun plugin header` prints it, with
//! its rules). No function of a plugin may panic out of itself.

use std::ffi::c_void;

pub const ABI_VERSION: u32 = 1;

/// UTF-8 text; not zero-terminated.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Str {
    pub ptr: *const u8,
    pub len: usize,
}

impl Str {
    pub const EMPTY: Str = Str { ptr: std::ptr::null(), len: 0 };

    pub const fn of(text: &'static str) -> Str {
        Str { ptr: text.as_ptr(), len: text.len() }
    }

    /// Text that `take` gives back.
    pub fn leak(text: String) -> Str {
        if text.is_empty() {
            return Str::EMPTY;
        }
        let text = Box::leak(text.into_boxed_str());
        Str { ptr: text.as_ptr(), len: text.len() }
    }

    /// Free what `leak` gave.
    ///
    /// # Safety
    /// It came from `leak`, and was not taken before.
    pub unsafe fn take(self) {
        if !self.ptr.is_null() {
            let bytes = std::ptr::slice_from_raw_parts_mut(self.ptr as *mut u8, self.len);
            drop(Box::from_raw(bytes));
        }
    }

    /// What wasmrun passed.
    ///
    /// # Safety
    /// It is valid for as long as the result is used.
    pub unsafe fn text<'a>(self) -> &'a str {
        if self.ptr.is_null() {
            return "";
        }
        std::str::from_utf8(std::slice::from_raw_parts(self.ptr, self.len)).unwrap_or("")
    }
}

#[repr(C)]
pub struct Host {
    pub struct_size: u32,
    pub ctx: *mut c_void,
    pub log: extern "C" fn(*mut c_void, u32, Str),
    pub progress: extern "C" fn(*mut c_void, f64, Str),
    pub cancelled: extern "C" fn(*mut c_void) -> u32,
}

pub const OPTIMIZE_DEBUG: u32 = 0;
pub const BUILD_DEBUG_INFO: u32 = 1;

#[repr(C)]
pub struct BuildConfig {
    pub struct_size: u32,
    pub optimization: u32,
    pub flags: u32,
    pub reserved: u32,
    pub project_path: Str,
    pub output_dir: Str,
    pub target: Str,
    pub custom_args: *const Str,
    pub custom_args_len: usize,
    pub work_dir: Str,
    pub name: Str,
    pub entry: Str,
    pub toolchain: Str,
}

pub const OK: u32 = 0;
pub const BUILD_FAILED: u32 = 1;
pub const INVALID_PROJECT: u32 = 2;
pub const INTERNAL: u32 = 4;

#[repr(C)]
pub struct BuildResult {
    pub struct_size: u32,
    pub status: u32,
    pub flags: u32,
    pub reserved: u32,
    pub message: Str,
    pub wasm_path: Str,
    pub js_path: Str,
    pub additional_files: *const Str,
    pub additional_files_len: usize,
}

#[repr(C)]
pub struct Plugin {
    pub struct_size: u32,
    pub abi_version: u32,
    pub manifest: Str,
    pub create: Option<unsafe extern "C" fn(*const Host) -> *mut c_void>,
    pub destroy: Option<unsafe extern "C" fn(*mut c_void)>,
    pub can_handle: Option<unsafe extern "C" fn(*mut c_void, Str) -> u32>,
    pub check_dependencies: Option<unsafe extern "C" fn(*mut c_void) -> *mut BuildResult>,
    pub validate: Option<unsafe extern "C" fn(*mut c_void, Str) -> *mut BuildResult>,
    pub build: Option<unsafe extern "C" fn(*mut c_void, *const BuildConfig) -> *mut BuildResult>,
    pub clean: Option<unsafe extern "C" fn(*mut c_void, Str) -> *mut BuildResult>,
    pub free_result: Option<unsafe extern "C" fn(*mut c_void, *mut BuildResult)>,
}

// Its pointers lead to constants.
unsafe impl Sync for Plugin {}
