//! A plugin in Rust that lets a panic out of can_handle.
use std::ffi::c_void;

#[repr(C)]
pub struct Str {
    ptr: *const u8,
    len: usize,
}

type Absent = Option<extern "C" fn()>;

#[repr(C)]
pub struct Plugin {
    struct_size: u32,
    abi_version: u32,
    manifest: Str,
    create: Absent,
    destroy: Absent,
    can_handle: extern "C" fn(*mut c_void, Str) -> u32,
    check_dependencies: Absent,
    validate: Absent,
    build: Option<extern "C" fn(*mut c_void, *const c_void) -> *mut c_void>,
    clean: Absent,
    free_result: Option<extern "C" fn(*mut c_void, *mut c_void)>,
}

unsafe impl Sync for Plugin {}

extern "C" fn can_handle(_: *mut c_void, _: Str) -> u32 {
    panic!("nobody catches this")
}

extern "C" fn build(_: *mut c_void, _: *const c_void) -> *mut c_void {
    std::ptr::null_mut()
}

extern "C" fn free_result(_: *mut c_void, _: *mut c_void) {}

static TABLE: Plugin = Plugin {
    struct_size: std::mem::size_of::<Plugin>() as u32,
    abi_version: 1,
    manifest: Str { ptr: std::ptr::null(), len: 0 },
    create: None,
    destroy: None,
    can_handle,
    check_dependencies: None,
    validate: None,
    build: Some(build),
    clean: None,
    free_result: Some(free_result),
};

#[no_mangle]
pub extern "C" fn wasmrun_abi_version() -> u32 {
    1
}

#[no_mangle]
pub extern "C" fn wasmrun_plugin_entry() -> *const Plugin {
    &TABLE
}
