/* "zork" of test_parity.py as a shared library: the module's custom section holds the options received. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wasmrun_plugin.h"

static char text[64 << 10], path[8192];
static wasmrun_build_result result;

static wasmrun_str str(const char *words) { return (wasmrun_str){words, strlen(words)}; }

/* A JSON string, or null for an empty one. */
static size_t quote(char *out, wasmrun_str value) {
    if (value.len == 0) return (size_t)sprintf(out, "null");
    return (size_t)sprintf(out, "\"%.*s\"", (int)value.len, value.ptr);
}

static const char *const LEVELS[] = {"debug", "release", "size"};

static size_t describe(const wasmrun_build_config *config, wasmrun_str source) {
    char *out = text;
    out += sprintf(out, "{\"optimization\": \"%s\", \"target\": ", LEVELS[config->optimization]);
    out += quote(out, config->target);
    out += sprintf(out, ", \"debug_info\": %s", config->flags & WASMRUN_BUILD_DEBUG_INFO ? "true" : "false");
    out += sprintf(out, ", \"verbose\": %s, \"custom_args\": [", config->flags & WASMRUN_BUILD_VERBOSE ? "true" : "false");
    for (size_t n = 0; n < config->custom_args_len; n++) {
        if (n != 0) out += sprintf(out, ", ");
        out += quote(out, config->custom_args[n]);
    }
    out += sprintf(out, "], \"name\": ");
    out += quote(out, config->name);
    out += sprintf(out, ", \"toolchain\": ");
    out += quote(out, config->toolchain);
    wasmrun_str entry = config->entry;
    if (entry.len > config->project_path.len && memcmp(entry.ptr, config->project_path.ptr, config->project_path.len) == 0) {
        entry.ptr += config->project_path.len + 1;
        entry.len -= config->project_path.len + 1;
    }
    out += sprintf(out, ", \"entry\": ");
    out += quote(out, entry);
    out += sprintf(out, ", \"text\": ");
    out += quote(out, source);
    out += sprintf(out, "}");
    return (size_t)(out - text);
}

static wasmrun_build_result *answer(uint32_t status, const char *message, const char *wasm_path) {
    result = (wasmrun_build_result){.struct_size = sizeof result, .status = status};
    result.message = str(message);
    result.wasm_path = str(wasm_path);
    return &result;
}

static uint32_t can_handle(void *self, wasmrun_str project) {
    (void)self;
    snprintf(path, sizeof path, "%.*s/main.zork", (int)project.len, project.ptr);
    FILE *file = fopen(path, "rb");
    if (file != NULL) fclose(file);
    return file != NULL ? 95 : 0;
}

static wasmrun_build_result *build(void *self, const wasmrun_build_config *config) {
    (void)self;
    char source[100] = "";
    snprintf(path, sizeof path, "%.*s/main.zork", (int)config->project_path.len, config->project_path.ptr);
    FILE *file = fopen(path, "rb");
    if (file == NULL || fscanf(file, "%99s", source) != 1) return answer(WASMRUN_INVALID_PROJECT, "no main.zork", "");
    fclose(file);
    if (strcmp(source, "bad") == 0) return answer(WASMRUN_BUILD_FAILED, "main.zork:1:2: error: no number", "");
    if (strcmp(source, "missing") == 0) return answer(WASMRUN_MISSING_TOOL, "zorkc-nowhere\n", "");
    size_t len = describe(config, str(source));
    wasmrun_str name = config->name.len != 0 ? config->name : str("main");
    snprintf(path, sizeof path, "%.*s/%.*s.wasm", (int)config->output_dir.len, config->output_dir.ptr, (int)name.len, name.ptr);
    file = fopen(path, "wb");
    if (file == NULL) return answer(WASMRUN_BUILD_FAILED, "the module cannot be written", "");
    fwrite("\0asm\1\0\0\0\0", 1, 9, file);
    for (size_t rest = len + 5; ; rest >>= 7) {
        fputc((int)(rest > 127 ? (rest & 127) | 128 : rest), file);
        if (rest <= 127) break;
    }
    fwrite("\4zork", 1, 5, file);
    fwrite(text, 1, len, file);
    fclose(file);
    return answer(WASMRUN_OK, "", path);
}

static void free_result(void *self, wasmrun_build_result *freed) {
    (void)self;
    (void)freed;
}

static const wasmrun_plugin TABLE = {
    .struct_size = sizeof(wasmrun_plugin),
    .abi_version = WASMRUN_ABI_VERSION,
    .can_handle = can_handle,
    .build = build,
    .free_result = free_result,
};

uint32_t wasmrun_abi_version(void) { return WASMRUN_ABI_VERSION; }

const wasmrun_plugin *wasmrun_plugin_entry(void) { return &TABLE; }
