/* The {{name}} plugin for wasmrun: {{language}} projects become WebAssembly.
 *
 * A line NAME = NUMBER becomes an exported function. compile_source is where your compiler goes; a real one
 * would run its toolchain. The rules of the interface stand at the top of wasmrun_plugin.h.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wasmrun_plugin.h"

#define ENTRY_FILE "main.{{extension}}"

static const char MANIFEST[] =
    "name = \"{{language}}\"\n"
    "plugin = \"{{name}}\"\n"
    "version = \"0.1.0\"\n"
    "description = \"Builds {{language}} projects into WebAssembly.\"\n"
    "extensions = [\"{{extension}}\"]\n"
    "entry_files = [\"main.{{extension}}\"]\n"
    "abi = 1\n"
    "[capabilities]\n"
    "live_reload = true\n"
    "optimization = true\n";

/* The plugin's state: one for each helper process. */
typedef struct state {
    const wasmrun_host *host;
} state;

/* A growing array of bytes. */
typedef struct bytes {
    unsigned char *data;
    size_t len, room;
} bytes;

/* One function of a program. */
typedef struct function {
    const char *name;
    size_t name_len;
    long number;
} function;

/* ---- results ---------------------------------------------------------------------------------------- */

static wasmrun_str copy_text(const char *text) {
    size_t len = strlen(text);
    char *copy = malloc(len + 1);
    if (copy == NULL) return (wasmrun_str){NULL, 0};
    memcpy(copy, text, len + 1);
    return (wasmrun_str){copy, len};
}

static wasmrun_build_result *new_result(uint32_t status, const char *message) {
    wasmrun_build_result *result = calloc(1, sizeof *result);
    if (result == NULL) return NULL;
    result->struct_size = sizeof *result;
    result->status = status;
    result->message = copy_text(message);
    return result;
}

static void free_result(void *self, wasmrun_build_result *result) {
    (void)self;
    if (result == NULL) return;
    free((void *)result->message.ptr);
    free((void *)result->wasm_path.ptr);
    free(result);
}

/* A zero-terminated FOLDER/NAME SUFFIX, to be freed. */
static char *join(wasmrun_str folder, const char *name, size_t name_len, const char *suffix) {
    char *path = malloc(folder.len + 1 + name_len + strlen(suffix) + 1);
    if (path == NULL) return NULL;
    if (folder.len != 0) memcpy(path, folder.ptr, folder.len);
    path[folder.len] = '/';
    memcpy(path + folder.len + 1, name, name_len);
    strcpy(path + folder.len + 1 + name_len, suffix);
    return path;
}

/* ---- the compiler ----------------------------------------------------------------------------------- */

static void put(bytes *out, const void *data, size_t len) {
    if (out->len + len > out->room) {
        size_t room = (out->len + len) * 2;
        unsigned char *grown = realloc(out->data, room);
        if (grown == NULL) abort(); /* wasmrun names it */
        out->data = grown;
        out->room = room;
    }
    if (len != 0) memcpy(out->data + out->len, data, len);
    out->len += len;
}

static void put_byte(bytes *out, unsigned char byte) { put(out, &byte, 1); }

static void put_unsigned(bytes *out, size_t value) {
    do {
        unsigned char low = value & 0x7f;
        value >>= 7;
        put_byte(out, value ? low | 0x80 : low);
    } while (value);
}

static void put_signed(bytes *out, long value) {
    for (;;) {
        unsigned char low = value & 0x7f;
        value >>= 7;
        if ((value == 0 && !(low & 0x40)) || (value == -1 && (low & 0x40))) {
            put_byte(out, low);
            return;
        }
        put_byte(out, low | 0x80);
    }
}

static void put_name(bytes *out, const char *name, size_t len) {
    put_unsigned(out, len);
    put(out, name, len);
}

static void put_section(bytes *out, unsigned char number, bytes *content) {
    put_byte(out, number);
    put_unsigned(out, content->len);
    put(out, content->data, content->len);
    content->len = 0;
}

static void write_module(bytes *out, const function *functions, size_t count, bool debug) {
    bytes part = {0}, names = {0};
    put(out, "\0asm\1\0\0\0", 8);
    put(&part, "\1\x60\0\1\x7f", 5); /* one type: () -> i32 */
    put_section(out, 1, &part);
    put_unsigned(&part, count);
    for (size_t n = 0; n < count; n++) put_byte(&part, 0);
    put_section(out, 3, &part);
    put_unsigned(&part, count);
    for (size_t n = 0; n < count; n++) {
        put_name(&part, functions[n].name, functions[n].name_len);
        put_byte(&part, 0);
        put_unsigned(&part, n);
    }
    put_section(out, 7, &part);
    put_unsigned(&part, count);
    for (size_t n = 0; n < count; n++) {
        put(&names, "\0\x41", 2); /* no locals; i32.const */
        put_signed(&names, functions[n].number);
        put_byte(&names, 0x0b);
        put_unsigned(&part, names.len);
        put(&part, names.data, names.len);
        names.len = 0;
    }
    put_section(out, 10, &part);
    if (debug) {
        put_unsigned(&names, count);
        for (size_t n = 0; n < count; n++) {
            put_unsigned(&names, n);
            put_name(&names, functions[n].name, functions[n].name_len);
        }
        put_name(&part, "name", 4);
        put_section(&part, 1, &names);
        put_section(out, 0, &part);
    }
    free(part.data);
    free(names.data);
}

/* What is wrong with a line, at a column that counts from 1; NULL when it is a function, or nothing. */
static const char *parse_line(const char *line, size_t len, function *found, size_t *column) {
    size_t at = 0;
    const char *comment = memchr(line, '#', len);
    if (comment != NULL) len = (size_t)(comment - line);
    while (len > 0 && isspace((unsigned char)line[len - 1])) len--;
    while (at < len && isspace((unsigned char)line[at])) at++;
    *column = at + 1;
    *found = (function){line + at, 0, 0};
    if (at == len) return NULL;
    if (!isalpha((unsigned char)line[at]) && line[at] != '_') return "expected NAME = NUMBER";
    while (at < len && (isalnum((unsigned char)line[at]) || line[at] == '_')) at++;
    size_t name_len = (size_t)(line + at - found->name);
    while (at < len && isspace((unsigned char)line[at])) at++;
    if (at == len || line[at++] != '=') return "expected NAME = NUMBER";
    while (at < len && isspace((unsigned char)line[at])) at++;
    bool negative = at < len && line[at] == '-';
    if (negative) at++;
    if (at == len) return "expected NAME = NUMBER";
    long long number = 0;
    for (; at < len; at++) {
        if (!isdigit((unsigned char)line[at])) return "expected NAME = NUMBER";
        number = number * 10 + (line[at] - '0');
        if (number > 2147483648LL) return "the number does not fit 32 bits";
    }
    if (negative) number = -number;
    if (number > 2147483647LL) return "the number does not fit 32 bits";
    found->name_len = name_len;
    found->number = (long)number;
    return NULL;
}

/* Compile a text; an error becomes a message as compilers write them, and false. */
static bool compile_source(const char *text, size_t len, bool debug, bytes *out, char *error, size_t room) {
    function *functions = NULL;
    size_t count = 0, number = 0;
    const char *problem = NULL;
    size_t column = 1;
    for (size_t start = 0; start < len && problem == NULL; number++) {
        const char *end = memchr(text + start, '\n', len - start);
        size_t stop = end != NULL ? (size_t)(end - text) : len;
        function found;
        problem = parse_line(text + start, stop - start, &found, &column);
        for (size_t n = 0; problem == NULL && n < count && found.name_len != 0; n++)
            if (functions[n].name_len == found.name_len &&
                memcmp(functions[n].name, found.name, found.name_len) == 0)
                problem = "the name is there already";
        if (problem == NULL && found.name_len != 0) {
            function *grown = realloc(functions, (count + 1) * sizeof *functions);
            if (grown == NULL) abort();
            functions = grown;
            functions[count++] = found;
        }
        start = stop + 1;
    }
    if (problem == NULL && count == 0) problem = "the program is empty", number = 1, column = 1;
    if (problem != NULL)
        snprintf(error, room, ENTRY_FILE ":%zu:%zu: error: %s", number, column, problem);
    else
        write_module(out, functions, count, debug);
    free(functions);
    return problem == NULL;
}

static bool read_file(const char *path, bytes *content) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) return false;
    char block[4096];
    size_t got;
    while ((got = fread(block, 1, sizeof block, file)) > 0) put(content, block, got);
    bool whole = !ferror(file);
    fclose(file);
    return whole;
}

/* ---- what wasmrun calls ----------------------------------------------------------------------------- */

static void *create(const wasmrun_host *host) {
    state *self = calloc(1, sizeof *self);
    if (self != NULL) self->host = host;
    return self;
}

static void destroy(void *self) { free(self); }

static bool has_entry(wasmrun_str project) {
    char *path = join(project, ENTRY_FILE, strlen(ENTRY_FILE), "");
    FILE *file = path != NULL ? fopen(path, "rb") : NULL;
    free(path);
    if (file != NULL) fclose(file);
    return file != NULL;
}

static uint32_t can_handle(void *self, wasmrun_str project) {
    (void)self;
    return has_entry(project) ? 95 : 0;
}

static wasmrun_build_result *validate(void *self, wasmrun_str project) {
    (void)self;
    return has_entry(project) ? NULL : new_result(WASMRUN_INVALID_PROJECT, ENTRY_FILE " is not there");
}

static void report(const state *self, double fraction, const char *message) {
    if (self != NULL && self->host != NULL)
        self->host->progress(self->host->ctx, fraction, (wasmrun_str){message, strlen(message)});
}

static wasmrun_build_result *write_result(const wasmrun_build_config *config, const bytes *module) {
    const char *name = config->name.len != 0 ? config->name.ptr : "main";
    char *path = join(config->output_dir, name, config->name.len != 0 ? config->name.len : 4, ".wasm");
    FILE *file = path != NULL ? fopen(path, "wb") : NULL;
    bool written = file != NULL && fwrite(module->data, 1, module->len, file) == module->len;
    if (file != NULL && fclose(file) != 0) written = false;
    wasmrun_build_result *result;
    if (written) {
        result = new_result(WASMRUN_OK, "");
        if (result != NULL) result->wasm_path = copy_text(path);
    } else {
        result = new_result(WASMRUN_BUILD_FAILED, strerror(errno));
    }
    free(path);
    return result;
}

static wasmrun_build_result *build(void *self, const wasmrun_build_config *config) {
    bytes source = {0}, module = {0};
    char error[300];
    char *entry = config->entry.len != 0 ? strndup(config->entry.ptr, config->entry.len)
                                         : join(config->project_path, ENTRY_FILE, strlen(ENTRY_FILE), "");
    bool debug = config->optimization == WASMRUN_OPTIMIZE_DEBUG || (config->flags & WASMRUN_BUILD_DEBUG_INFO);
    wasmrun_build_result *result;
    report(self, 0.0, "Compiling {{language}}");
    if (entry == NULL || !read_file(entry, &source))
        result = new_result(WASMRUN_INVALID_PROJECT, ENTRY_FILE " is not there");
    else if (!compile_source((const char *)source.data, source.len, debug, &module, error, sizeof error))
        result = new_result(WASMRUN_BUILD_FAILED, error);
    else
        result = write_result(config, &module);
    report(self, 1.0, "Compiling {{language}}");
    free(entry);
    free(source.data);
    free(module.data);
    return result;
}

static const wasmrun_plugin TABLE = {
    .struct_size = sizeof(wasmrun_plugin),
    .abi_version = WASMRUN_ABI_VERSION,
    .manifest = {MANIFEST, sizeof MANIFEST - 1},
    .create = create,
    .destroy = destroy,
    .can_handle = can_handle,
    .validate = validate,
    .build = build,
    .free_result = free_result,
};

uint32_t wasmrun_abi_version(void) { return WASMRUN_ABI_VERSION; }

const wasmrun_plugin *wasmrun_plugin_entry(void) { return &TABLE; }
