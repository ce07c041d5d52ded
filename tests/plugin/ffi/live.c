/* A plugin that waits: for a file that its reporter makes, or until it is cancelled; then it leaves word. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wasmrun_plugin.h"

static const wasmrun_host *host;
static wasmrun_build_result result;
static char path[4096];

static wasmrun_str str(const char *words) { return (wasmrun_str){words, strlen(words)}; }

static const char *join(wasmrun_str folder, const char *name) {
    snprintf(path, sizeof path, "%.*s/%s", (int)folder.len, folder.ptr, name);
    return path;
}

static void *create(const wasmrun_host *offered) {
    host = offered;
    return NULL;
}

static uint32_t can_handle(void *self, wasmrun_str project) {
    (void)self;
    (void)project;
    return VERSION;
}

static wasmrun_build_result *build(void *self, const wasmrun_build_config *config) {
    (void)self;
    host->progress(host->ctx, 0.25, str("Waiting"));
    host->log(host->ctx, WASMRUN_LOG_WARNING, str("started"));
    printf("on stdout\n");
    fflush(stdout);
    while (access(join(config->project_path, "go"), F_OK) != 0 && !host->cancelled(host->ctx)) usleep(1000);
    if (host->cancelled(host->ctx)) fclose(fopen(join(config->project_path, "cancelled"), "w"));
    FILE *file = fopen(join(config->output_dir, "main.wasm"), "wb");
    fwrite("\0asm\1\0\0\0", 1, 8, file);
    fclose(file);
    result = (wasmrun_build_result){.struct_size = sizeof result, .wasm_path = str(path)};
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
