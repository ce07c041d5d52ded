//! The {{name}} plugin for wasmrun: {{language}} projects become WebAssembly.
//!
//! The rules of the interface stand at the top of include/wasmrun_plugin.h.

const std = @import("std");
const compiler = @import("compiler.zig");
const c = @cImport(@cInclude("wasmrun_plugin.h"));

const gpa = std.heap.c_allocator;
const entry_file = "main.{{extension}}";
const manifest =
    \\name = "{{language}}"
    \\plugin = "{{name}}"
    \\version = "0.1.0"
    \\description = "Builds {{language}} projects into WebAssembly."
    \\extensions = ["{{extension}}"]
    \\entry_files = ["main.{{extension}}"]
    \\abi = 1
    \\[capabilities]
    \\live_reload = true
    \\optimization = true
;

/// The plugin's state: one for each helper process.
const State = struct {
    host: *const c.wasmrun_host,

    fn report(self: *const State, fraction: f64, message: []const u8) void {
        if (self.host.progress) |progress| progress(self.host.ctx, fraction, borrow(message));
    }
};

fn borrow(text: []const u8) c.wasmrun_str {
    return .{ .ptr = text.ptr, .len = text.len };
}

fn slice(text: c.wasmrun_str) []const u8 {
    return if (text.ptr) |ptr| ptr[0..text.len] else "";
}

/// Text that release frees.
fn leak(text: []const u8) c.wasmrun_str {
    if (text.len == 0) return .{ .ptr = null, .len = 0 };
    const copy = gpa.dupe(u8, text) catch return .{ .ptr = null, .len = 0 };
    return borrow(copy);
}

fn release(text: c.wasmrun_str) void {
    if (text.ptr) |ptr| gpa.free(ptr[0..text.len]);
}

fn result(status: u32, message: []const u8, wasm_path: []const u8) ?*c.wasmrun_build_result {
    const made = gpa.create(c.wasmrun_build_result) catch return null;
    made.* = std.mem.zeroes(c.wasmrun_build_result);
    made.struct_size = @sizeOf(c.wasmrun_build_result);
    made.status = status;
    made.message = leak(message);
    made.wasm_path = leak(wasm_path);
    return made;
}

fn hasEntry(project: []const u8) bool {
    const path = std.fs.path.join(gpa, &.{ project, entry_file }) catch return false;
    defer gpa.free(path);
    const found = std.fs.cwd().statFile(path) catch return false;
    return found.kind == .file;
}

fn create(host: ?*const c.wasmrun_host) callconv(.C) ?*anyopaque {
    const state = gpa.create(State) catch return null;
    state.* = .{ .host = host.? };
    return state;
}

fn destroy(state: ?*anyopaque) callconv(.C) void {
    gpa.destroy(@as(*State, @ptrCast(@alignCast(state.?))));
}

fn canHandle(_: ?*anyopaque, project: c.wasmrun_str) callconv(.C) u32 {
    return if (hasEntry(slice(project))) 95 else 0;
}

fn validate(_: ?*anyopaque, project: c.wasmrun_str) callconv(.C) ?*c.wasmrun_build_result {
    if (hasEntry(slice(project))) return null;
    return result(c.WASMRUN_INVALID_PROJECT, entry_file ++ " is not there", "");
}

fn build(state: ?*anyopaque, config: ?*const c.wasmrun_build_config) callconv(.C) ?*c.wasmrun_build_result {
    const self: *const State = @ptrCast(@alignCast(state.?));
    self.report(0.0, "Compiling {{language}}");
    defer self.report(1.0, "Compiling {{language}}");
    var arena = std.heap.ArenaAllocator.init(gpa);
    defer arena.deinit();
    var problem = compiler.Problem{};
    const path = compile(arena.allocator(), config.?, &problem) catch |failure| switch (failure) {
        error.Source => {
            const form = entry_file ++ ":{d}:{d}: error: {s}";
            const words = .{ problem.line, problem.column, problem.message };
            const message = std.fmt.allocPrint(arena.allocator(), form, words) catch "out of memory";
            return result(c.WASMRUN_BUILD_FAILED, message, "");
        },
        error.FileNotFound => return result(c.WASMRUN_INVALID_PROJECT, entry_file ++ " is not there", ""),
        else => return result(c.WASMRUN_BUILD_FAILED, @errorName(failure), ""),
    };
    return result(c.WASMRUN_OK, "", path);
}

fn compile(arena: std.mem.Allocator, config: *const c.wasmrun_build_config, problem: *compiler.Problem) ![]const u8 {
    const named = slice(config.entry);
    const entry = if (named.len > 0) named else try std.fs.path.join(arena, &.{ slice(config.project_path), entry_file });
    const source = try std.fs.cwd().readFileAlloc(arena, entry, 1 << 24);
    const debug = config.optimization == c.WASMRUN_OPTIMIZE_DEBUG or config.flags & c.WASMRUN_BUILD_DEBUG_INFO != 0;
    const module = try compiler.compileSource(arena, source, debug, problem);
    const name = if (config.name.len > 0) slice(config.name) else "main";
    const file_name = try std.mem.concat(arena, u8, &.{ name, ".wasm" });
    const path = try std.fs.path.join(arena, &.{ slice(config.output_dir), file_name });
    try std.fs.cwd().writeFile(.{ .sub_path = path, .data = module });
    return path;
}

fn freeResult(_: ?*anyopaque, made: ?*c.wasmrun_build_result) callconv(.C) void {
    const found = made orelse return;
    release(found.message);
    release(found.wasm_path);
    gpa.destroy(found);
}

const table = c.wasmrun_plugin{
    .struct_size = @sizeOf(c.wasmrun_plugin),
    .abi_version = c.WASMRUN_ABI_VERSION,
    .manifest = .{ .ptr = manifest.ptr, .len = manifest.len },
    .create = create,
    .destroy = destroy,
    .can_handle = canHandle,
    .check_dependencies = null,
    .validate = validate,
    .build = build,
    .clean = null,
    .free_result = freeResult,
};

export fn wasmrun_abi_version() u32 {
    return c.WASMRUN_ABI_VERSION;
}

export fn wasmrun_plugin_entry() *const c.wasmrun_plugin {
    return &table;
}
