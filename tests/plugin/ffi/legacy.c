/* What the plugins older than ABI 1 export: -DWASMRUST_LONG, -DWASMRUST_SHORT, -DWASMASC or -DWASPY.
 *
 * Each writes what it was given into a custom section of the module, and checks what it is handed back.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static unsigned char module[8192] = "\0asm\1\0\0\0\0";

/* A module whose custom section "got" holds the text; its length. */
static size_t fill(const char *text) {
    size_t len = strlen(text), size = len + 4;
    module[9] = (unsigned char)(size & 0x7f) | 0x80;
    module[10] = (unsigned char)(size >> 7);
    memcpy(module + 11, "\3got", 4);
    memcpy(module + 15, text, len);
    return 15 + len;
}

#ifdef WASPY

typedef struct {
    bool success;
    uint8_t *wasm_data;
    size_t wasm_len;
    char *error_message;
} result;

static result made(const char *what, const char *asked, int optimize) {
    char text[4096];
    if (strstr(asked, "broken") != NULL) return (result){false, NULL, 0, strdup("no Python at all")};
    const char *name = strrchr(asked, '/');
    snprintf(text, sizeof text, "%s %s optimize=%d", what, name != NULL ? name + 1 : asked, optimize);
    size_t len = fill(text);
    uint8_t *copy = malloc(len);
    memcpy(copy, module, len);
    return (result){true, copy, len, NULL};
}

result waspy_compile_project(const char *path, int optimize) { return made("project", path, optimize); }
result waspy_compile_python(const char *source, int optimize) { return made("source", source, optimize); }
void waspy_free_wasm_data(uint8_t *data, size_t len) {
    if (len < 15) abort();
    free(data);
}
void waspy_free_error_message(char *message) { free(message); }

#else

#ifdef WASMRUST_LONG
typedef struct {
    const char *input, *output_dir;
    uint8_t optimization;
    const char *target_type;
    bool verbose, watch;
} config;
typedef struct {
    char *output_path, *language;
    uint64_t file_size;
    bool success;
    char *error_message;
} result;
#else
typedef struct {
    const char *input, *output_dir;
    uint8_t optimization;
    bool verbose, watch;
} config;
typedef struct {
    char *output_path, *js_path;
    bool is_wasm_bindgen, success;
    char *error_message;
} result;
#endif

#ifdef WASMASC
#define NAME(rest) wasmasc_##rest
#else
#define NAME(rest) wasmrust_##rest
#endif

static bool exists(const char *folder, const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

/* A type without fields: its pointer dangles. */
void *create_wasm_builder(void) { return (void *)1; }
void *wasmrun_plugin_create(void) { return (void *)1; }
#ifdef WASMRUST_SHORT
void *wasmrust_get_extensions(void) { return NULL; }
#endif

bool NAME(can_handle_project)(void *builder, const char *path) {
    return builder == (void *)1 && exists(path, "main.old");
}

bool NAME(clean)(void *builder, const char *path) {
    (void)builder;
    (void)path;
    abort(); /* it would remove folders of the user's */
}

result *NAME(build)(void *builder, const config *asked) {
    result *made = calloc(1, sizeof *made);
    char text[4096], path[4096];
    if (builder != (void *)1) abort();
    if (exists(asked->input, "broken")) {
        made->error_message = strdup("main.old:2:3: error: it is broken");
        return made;
    }
    snprintf(text, sizeof text, "optimization=%d verbose=%d watch=%d", asked->optimization, asked->verbose, asked->watch);
#ifdef WASMRUST_LONG
    strcat(text, " target=");
    strcat(text, asked->target_type);
#endif
    bool pair = exists(asked->input, "pair");
    snprintf(path, sizeof path, pair ? "%s/app_bg.wasm" : "%s/main.wasm", asked->output_dir);
    FILE *file = fopen(path, "wb");
    if (file == NULL) abort();
    fwrite(module, 1, fill(text), file);
    fclose(file);
    if (pair) {
        snprintf(path, sizeof path, "%s/app.js", asked->output_dir);
        fclose(fopen(path, "wb"));
    }
    /* It leaves a mess beside the sources, as the real ones do. */
    snprintf(text, sizeof text, "%s/target", asked->input);
    if (!exists(asked->input, "target")) fclose(fopen(text, "wb"));
    made->success = true;
    made->output_path = strdup(path);
    return made;
}

#ifndef WASMASC
void wasmrust_free_build_result(result *made) {
    free(made->output_path);
    free(made->error_message);
    free(made);
}
#endif

void NAME(drop)(void *builder) {
    if (builder != (void *)1) abort();
}

#endif
