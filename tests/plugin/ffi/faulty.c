/* A plugin with every fault that a library can have, one at a time: the environment's FAULT names it.
 *
 * Built several times: -DNO_ENTRY, -DNO_VERSION and -DTRAIT_OBJECT leave symbols out, -DLEGACY has those of
 * an older plugin, -DDEPENDS needs another library. What it does without a fault is right.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wasmrun_plugin.h"

#ifdef DEPENDS
int needed_elsewhere(void);
int (*volatile depends)(void) = needed_elsewhere;
#endif

static const wasmrun_host *host;

static bool fault(const char *name) {
    const char *wanted = getenv("FAULT");
    return wanted != NULL && strcmp(wanted, name) == 0;
}

static void segv(void) { *(volatile int *)8 = 1; }

static void hang(void) {
    for (;;) pause();
}

static void spin(void) {
    for (volatile unsigned long n = 0;; n++) {}
}

static int deeper(volatile char *before) {
    volatile char here[4096];
    here[0] = before[0];
    return deeper(here) + here[1];
}

static void *crash_thread(void *unused) {
    (void)unused;
    segv();
    return NULL;
}

/* Write to every descriptor but the first three. */
static void write_everywhere(const void *data, size_t len) {
    for (int fd = 3; fd < 64; fd++)
        if (fcntl(fd, F_GETFD) != -1 && write(fd, data, len) < 0) continue;
}

static void leave_family(void) {
    if (fork() == 0) {
        setsid();
        if (fork() == 0) hang();
        hang();
    }
}

static bool is_kind(const char *wanted, size_t len, const char *name) {
    return strlen(name) == len && strncmp(wanted, name, len) == 0;
}

/* What "any function may do": in the constructor, or wherever the fault's name ends in the function's. */
static void misbehave(const char *where) {
    const char *wanted = getenv("FAULT");
    size_t len = strlen(where);
    if (wanted == NULL || strlen(wanted) <= len) return;
    size_t kind = strlen(wanted) - len - 1;
    if (strcmp(wanted + kind + 1, where) != 0 || wanted[kind] != '@') return;
    if (is_kind(wanted, kind, "segv")) segv();
    if (is_kind(wanted, kind, "abort")) abort();
    if (is_kind(wanted, kind, "exit")) exit(7);
    if (is_kind(wanted, kind, "_exit")) _exit(0);
    if (is_kind(wanted, kind, "hang")) hang();
    if (is_kind(wanted, kind, "spin")) spin();
    if (is_kind(wanted, kind, "stop")) raise(SIGSTOP);
    if (is_kind(wanted, kind, "ignore-signals")) {
        for (int n = 1; n < 65; n++) signal(n, SIG_IGN);
        hang();
    }
    if (is_kind(wanted, kind, "change-signals"))
        for (int n = 1; n < 65; n++) signal(n, (void (*)(int))(void *)pause);
    if (is_kind(wanted, kind, "stack-overflow")) {
        char first = 1;
        deeper(&first);
    }
    if (is_kind(wanted, kind, "double-free")) {
        void *volatile twice = malloc(4000);
        free(twice);
        free(twice);
    }
    if (is_kind(wanted, kind, "heap-smash")) {
        void *volatile blocks[8];
        for (int n = 0; n < 8; n++) blocks[n] = malloc(2000);
        memset(blocks[1], 0xff, 12000);
        for (int n = 0; n < 8; n++) free(blocks[n]);
        abort();
    }
    if (is_kind(wanted, kind, "out-of-memory"))
        for (;;) {
            void *volatile more = malloc(1 << 24);
            if (more == NULL) abort();
            memset(more, 1, 1 << 24);
        }
    if (is_kind(wanted, kind, "flood")) {
        static char line[1 << 16];
        memset(line, 'x', sizeof line);
        for (int n = 0; n < 512; n++)
            if (write(1, line, sizeof line) < 0) abort();
    }
    if (is_kind(wanted, kind, "setsid")) leave_family();
    if (is_kind(wanted, kind, "setsid-and-segv")) {
        leave_family();
        segv();
    }
    if (is_kind(wanted, kind, "close-descriptors"))
        for (int fd = 0; fd < 1024; fd++) close(fd);
    if (is_kind(wanted, kind, "chdir") && chdir("/") != 0) abort();
    if (is_kind(wanted, kind, "thread")) {
        pthread_t thread;
        pthread_create(&thread, NULL, crash_thread, NULL);
        pthread_join(thread, NULL);
    }
    if (is_kind(wanted, kind, "exec")) execl("/bin/sleep", "sleep", "1000", (char *)NULL);
    if (is_kind(wanted, kind, "forge")) {
        static const char body[] = "{\"nonce\": \"0\", \"id\": 2, \"result\": {\"answer\": {\"confidence\": 100}}}";
        char frame[sizeof body + 3] = {0, 0, 0, sizeof body - 1};
        memcpy(frame + 4, body, sizeof body - 1);
        write_everywhere(frame, sizeof frame);
        hang();
    }
    if (is_kind(wanted, kind, "garbage")) {
        write_everywhere("\0\0\0\5hello", 9);
        hang();
    }
    if (is_kind(wanted, kind, "huge-frame")) {
        write_everywhere("\x7f\xff\xff\xff", 4);
        hang();
    }
    if (is_kind(wanted, kind, "clear-environment")) clearenv();
    if (is_kind(wanted, kind, "bad-callbacks")) {
        host->log(host->ctx, 99, (wasmrun_str){NULL, 5});
        host->log(host->ctx, 1, (wasmrun_str){"\xff\xfe", 2});
        host->progress(host->ctx, 0.0 / 0.0, (wasmrun_str){"x", (size_t)1 << 60});
    }
}

__attribute__((constructor)) static void constructor(void) { misbehave("load"); }

#ifndef LEGACY

static wasmrun_str text(const char *words) { return (wasmrun_str){words, strlen(words)}; }

static void *create(const wasmrun_host *offered) {
    host = offered;
    misbehave("create");
    return NULL;
}

static void destroy(void *self) {
    (void)self;
    misbehave("destroy");
}

static uint32_t can_handle(void *self, wasmrun_str path) {
    (void)self;
    (void)path;
    misbehave("can_handle");
    return fault("confidence 1000") ? 1000 : 90;
}

static wasmrun_build_result *check_dependencies(void *self) {
    (void)self;
    misbehave("check_dependencies");
    return NULL;
}

static wasmrun_build_result *validate(void *self, wasmrun_str path) {
    (void)self;
    (void)path;
    misbehave("validate");
    return NULL;
}

static wasmrun_build_result *clean(void *self, wasmrun_str path) {
    (void)self;
    (void)path;
    misbehave("clean");
    return NULL;
}

static const char MODULE[] = "\0asm\1\0\0\0";
static char wasm_path[8192];
static wasmrun_str one_file;

static wasmrun_build_result *build(void *self, const wasmrun_build_config *config) {
    static wasmrun_build_result result;
    (void)self;
    misbehave("build");
    result = (wasmrun_build_result){.struct_size = sizeof result};
    snprintf(wasm_path, sizeof wasm_path, "%.*s/main.wasm", (int)config->output_dir.len, config->output_dir.ptr);
    if (fault("artifact outside the folder"))
        snprintf(wasm_path, sizeof wasm_path, "%.*s/../outside.wasm", (int)config->output_dir.len,
                 config->output_dir.ptr);
    if (fault("artifact is a link to another file")) {
        if (symlink("/etc/hostname", wasm_path) != 0) abort();
    } else {
        FILE *file = fopen(wasm_path, "wb");
        if (file == NULL || fwrite(MODULE, 1, 8, file) != 8 || fclose(file) != 0) abort();
    }
    result.wasm_path = text(wasm_path);
    if (fault("result NULL")) return NULL;
    if (fault("result struct_size 4")) result.struct_size = 4;
    if (fault("result struct_size 4294967295")) result.struct_size = UINT32_MAX;
    if (fault("result status 77")) result.status = 77;
    if (fault("result at address 8")) return (wasmrun_build_result *)8;
    if (fault("message NULL with a length")) result.message = (wasmrun_str){NULL, 12};
    if (fault("message not UTF-8")) result.message = (wasmrun_str){"\xff\xfe", 2};
    if (fault("message of 64 MB")) {
        char *large = malloc(64 << 20);
        memset(large, 'x', 64 << 20);
        result.message = (wasmrun_str){large, 64 << 20};
    }
    if (fault("path with an absurd length")) result.wasm_path.len = (size_t)1 << 60;
    if (fault("path empty")) result.wasm_path.len = 0;
    if (fault("additional files 2147483648")) {
        result.additional_files = &one_file;
        result.additional_files_len = (size_t)1 << 31;
    }
    if (fault("additional files NULL with a count")) result.additional_files_len = 3;
    if (fault("reports a failed build") || fault("reports a missing tool") || fault("reports a fault of its own")) {
        bool failed = fault("reports a failed build"), tool = fault("reports a missing tool");
        result.status = failed ? WASMRUN_BUILD_FAILED : tool ? WASMRUN_MISSING_TOOL : WASMRUN_INTERNAL;
        result.message = text(failed ? "main.faulty:3:7: error: it is no good" : tool ? "zorkc-9" : "oh dear");
    }
    return &result;
}

static void free_result(void *self, wasmrun_build_result *result) {
    (void)self;
    (void)result;
    misbehave("free_result");
}

static wasmrun_plugin table = {
    .struct_size = sizeof(wasmrun_plugin),
    .abi_version = WASMRUN_ABI_VERSION,
    .create = create,
    .destroy = destroy,
    .can_handle = can_handle,
    .check_dependencies = check_dependencies,
    .validate = validate,
    .build = build,
    .clean = clean,
    .free_result = free_result,
};

#ifndef NO_VERSION
uint32_t wasmrun_abi_version(void) {
    misbehave("wasmrun_abi_version");
    return fault("abi_version 0") ? 0 : fault("abi_version 99") ? 99 : WASMRUN_ABI_VERSION;
}
#endif

#ifndef NO_ENTRY
const wasmrun_plugin *wasmrun_plugin_entry(void) {
    misbehave("wasmrun_plugin_entry");
    if (fault("table NULL")) return NULL;
    if (fault("table at address 8")) return (const wasmrun_plugin *)8;
    if (fault("table struct_size 8")) table.struct_size = 8;
    if (fault("table struct_size 4294967295")) table.struct_size = UINT32_MAX;
    if (fault("table abi_version 2")) table.abi_version = 2;
    if (fault("table without build")) table.build = NULL;
    if (fault("function at address 8")) table.can_handle = (void *)8;
    if (fault("manifest NULL with a length")) table.manifest = (wasmrun_str){NULL, 9};
    if (fault("manifest not UTF-8")) table.manifest = (wasmrun_str){"\xff\xfe", 2};
    return &table;
}
#endif

#ifdef TRAIT_OBJECT
void *wasm_plugin_create(void) { return NULL; }
#endif

#else /* LEGACY: what wasmasc exports */

typedef struct {
    const char *project_path, *output_dir;
    uint8_t optimization_level, verbose, watch;
} legacy_config;

typedef struct {
    char *wasm_path, *js_path;
    uint8_t is_wasm_bindgen, success;
    char *error_message;
} legacy_result;

void *create_wasm_builder(void) { return fault("legacy builder NULL") ? NULL : (void *)1; }

uint8_t wasmasc_can_handle_project(void *builder, const char *path) {
    (void)builder;
    (void)path;
    return fault("legacy bool 42") ? 42 : 1;
}

legacy_result *wasmasc_build(void *builder, const legacy_config *config) {
    static legacy_result result;
    (void)builder;
    (void)config;
    result = (legacy_result){.error_message = (char *)"it is no good"};
    if (fault("legacy result NULL")) return NULL;
    if (fault("legacy success 7")) result.success = 7;
    if (fault("legacy success without a path")) result.success = 1;
    if (fault("legacy unterminated message")) {
        result.error_message = malloc(4 << 20);
        memset(result.error_message, 'x', 4 << 20);
    }
    if (fault("legacy wild message")) result.error_message = (char *)8;
    return &result;
}
#endif
