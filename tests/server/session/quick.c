/* A plugin that builds in no time: main.quick becomes the custom section "quick" of an empty module, with
   VERSION before it, beside the project's style.css. Words in main.quick ask for more: "fail", "crash", "wait"
   (until it is cancelled or 20 s are over), "stuck" (20 s, whatever happens), "stamp" (write the time into
   stamp.txt of the project), "names" (the same into a new file each time). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "wasmrun_plugin.h"

static const wasmrun_host *host;
static wasmrun_build_result result;
static char module_path[4096], style_path[4096], path[4096], text[60000];
static wasmrun_str more[1];

static wasmrun_str str(const char *words) { return (wasmrun_str){words, strlen(words)}; }

static const char *join(char *into, wasmrun_str folder, const char *name) {
    snprintf(into, 4096, "%.*s/%s", (int)folder.len, folder.ptr, name);
    return into;
}

static void *create(const wasmrun_host *offered) {
    host = offered;
    return NULL;
}

static uint32_t can_handle(void *self, wasmrun_str project) {
    (void)self;
    return access(join(path, project, "main.quick"), F_OK) == 0 ? 95 : 0;
}

static size_t load(wasmrun_str folder, const char *name) {
    FILE *file = fopen(join(path, folder, name), "rb");
    size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file) fclose(file);
    text[size] = 0;
    return size;
}

static void write_time(wasmrun_str folder, const char *name) {
    struct timeval now;
    gettimeofday(&now, NULL);
    FILE *file = fopen(join(path, folder, name), "wb");
    fprintf(file, "%ld.%06ld\n", (long)now.tv_sec, (long)now.tv_usec);
    fclose(file);
}

static unsigned char *leb(unsigned char *at, size_t value) {
    do {
        *at++ = (unsigned char)((value & 127) | (value > 127 ? 128 : 0));
        value >>= 7;
    } while (value);
    return at;
}

static wasmrun_build_result *build(void *self, const wasmrun_build_config *config) {
    (void)self;
    size_t size = load(config->project_path, "main.quick");
    result = (wasmrun_build_result){.struct_size = sizeof result};
    if (strstr(text, "fail")) {
        result.status = WASMRUN_BUILD_FAILED;
        result.message = str("main.quick:1:1: error: it says fail");
        return &result;
    }
    if (strstr(text, "crash")) abort();
    for (int waited = 0; strstr(text, "wait") && waited < 20000 && !host->cancelled(host->ctx); waited++) usleep(1000);
    for (int waited = 0; strstr(text, "stuck") && waited < 20000; waited++) usleep(1000);
    if (strstr(text, "stamp")) write_time(config->project_path, "stamp.txt");
    if (strstr(text, "names")) {
        char name[64];
        struct timeval now;
        gettimeofday(&now, NULL);
        snprintf(name, sizeof name, "made-%ld-%06ld.txt", (long)now.tv_sec, (long)now.tv_usec);
        write_time(config->project_path, name);
    }
    unsigned char head[32] = "\0asm\1\0\0", *end = head + 8;
    *end++ = 0;
    end = leb(end, 1 + 5 + strlen(VERSION) + size);
    *end++ = 5;
    memcpy(end, "quick", 5);
    FILE *file = fopen(join(module_path, config->output_dir, "main.wasm"), "wb");
    fwrite(head, 1, (size_t)(end + 5 - head), file);
    fwrite(VERSION, 1, strlen(VERSION), file);
    fwrite(text, 1, size, file);
    fclose(file);
    result.wasm_path = str(module_path);
    if (access(join(path, config->project_path, "style.css"), F_OK) == 0) {
        size = load(config->project_path, "style.css");
        file = fopen(join(style_path, config->output_dir, "style.css"), "wb");
        fwrite(text, 1, size, file);
        fclose(file);
        more[0] = str(style_path);
        result.additional_files = more;
        result.additional_files_len = 1;
    }
    return &result;
}

static void free_result(void *self, wasmrun_build_result *freed) {
    (void)self;
    (void)freed;
}

static const wasmrun_plugin TABLE = {
    .struct_size = sizeof(wasmrun_plugin),
    .abi_version = WASMRUN_ABI_VERSION,
    .create = create,
    .can_handle = can_handle,
    .build = build,
    .free_result = free_result,
};

uint32_t wasmrun_abi_version(void) { return WASMRUN_ABI_VERSION; }

const wasmrun_plugin *wasmrun_plugin_entry(void) { return &TABLE; }
