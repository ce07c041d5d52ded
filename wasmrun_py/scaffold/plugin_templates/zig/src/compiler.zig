//! {{language}} programs become WebAssembly: a line NAME = NUMBER is an exported function.
//!
//! This is where your compiler goes; a real one would run its toolchain.

const std = @import("std");

const Bytes = std.ArrayList(u8);

const Function = struct { name: []const u8, number: i32 };

/// A line that is no {{language}}; both numbers count from 1.
pub const Problem = struct { line: usize = 1, column: usize = 1, message: []const u8 = "the program is empty" };

/// A module with one function a line; with debug it keeps the functions' names. error.Source: see problem.
pub fn compileSource(gpa: std.mem.Allocator, text: []const u8, debug: bool, problem: *Problem) ![]u8 {
    const functions = try parse(gpa, text, problem);
    var module = Bytes.init(gpa);
    var part = Bytes.init(gpa);
    try module.appendSlice("\x00asm\x01\x00\x00\x00");
    try part.appendSlice(&.{ 1, 0x60, 0, 1, 0x7f }); // one type: () -> i32
    try section(&module, 1, &part);
    try unsigned(&part, functions.len);
    try part.appendNTimes(0, functions.len);
    try section(&module, 3, &part);
    try unsigned(&part, functions.len);
    for (functions, 0..) |each, n| {
        try string(&part, each.name);
        try part.append(0);
        try unsigned(&part, n);
    }
    try section(&module, 7, &part);
    try unsigned(&part, functions.len);
    var body = Bytes.init(gpa);
    for (functions) |each| {
        body.clearRetainingCapacity();
        try body.appendSlice(&.{ 0, 0x41 }); // no locals; i32.const
        try signed(&body, each.number);
        try body.append(0x0b);
        try unsigned(&part, body.items.len);
        try part.appendSlice(body.items);
    }
    try section(&module, 10, &part);
    if (debug) {
        var names = Bytes.init(gpa);
        try unsigned(&names, functions.len);
        for (functions, 0..) |each, n| {
            try unsigned(&names, n);
            try string(&names, each.name);
        }
        try string(&part, "name");
        try section(&part, 1, &names);
        try section(&module, 0, &part);
    }
    return module.items;
}

fn parse(gpa: std.mem.Allocator, text: []const u8, problem: *Problem) ![]Function {
    var functions = std.ArrayList(Function).init(gpa);
    var lines = std.mem.splitScalar(u8, text, '\n');
    var number: usize = 0;
    while (lines.next()) |line| {
        number += 1;
        var pieces = std.mem.splitScalar(u8, line, '#');
        const code = std.mem.trim(u8, pieces.first(), " \t\r");
        if (code.len == 0) continue;
        problem.line = number;
        problem.column = std.mem.indexOf(u8, line, code).? + 1;
        problem.message = "expected NAME = NUMBER";
        const at = std.mem.indexOfScalar(u8, code, '=') orelse return error.Source;
        const name = std.mem.trim(u8, code[0..at], " \t");
        const value = std.mem.trim(u8, code[at + 1 ..], " \t");
        if (!isName(name) or !isNumber(value)) return error.Source;
        problem.message = "the number does not fit 32 bits";
        const parsed = std.fmt.parseInt(i32, value, 10) catch return error.Source;
        problem.message = "the name is there already";
        for (functions.items) |each| if (std.mem.eql(u8, each.name, name)) return error.Source;
        try functions.append(.{ .name = name, .number = parsed });
    }
    if (functions.items.len == 0) {
        problem.* = .{};
        return error.Source;
    }
    return functions.items;
}

fn isName(text: []const u8) bool {
    if (text.len == 0 or std.ascii.isDigit(text[0])) return false;
    for (text) |byte| if (!std.ascii.isAlphanumeric(byte) and byte != '_') return false;
    return true;
}

fn isNumber(text: []const u8) bool {
    const digits = if (text.len > 0 and text[0] == '-') text[1..] else text;
    for (digits) |byte| if (!std.ascii.isDigit(byte)) return false;
    return digits.len > 0;
}

fn section(out: *Bytes, number: u8, content: *Bytes) !void {
    try out.append(number);
    try unsigned(out, content.items.len);
    try out.appendSlice(content.items);
    content.clearRetainingCapacity();
}

fn string(out: *Bytes, text: []const u8) !void {
    try unsigned(out, text.len);
    try out.appendSlice(text);
}

fn unsigned(out: *Bytes, value: usize) !void {
    try std.leb.writeULEB128(out.writer(), value);
}

fn signed(out: *Bytes, value: i32) !void {
    try std.leb.writeILEB128(out.writer(), value);
}
