/* wasmrun_plugin.h: the C interface of a wasmrun plugin, ABI 1.
 *
 * A plugin is a shared library that exports two functions:
 *
 *     uint32_t              wasmrun_abi_version(void);
 *     const wasmrun_plugin *wasmrun_plugin_entry(void);
 *
 * wasmrun opens it in a process of its own, calls wasmrun_abi_version first and nothing else before the
 * version is known to be right, then takes the table that wasmrun_plugin_entry returns.
 *
 * The rules:
 *  - Every struct begins with its size in bytes, as sizeof gives it. A newer header only ever adds members
 *    at the end; read none that lie beyond the size you were given.
 *  - Text is a pointer and a length in bytes, UTF-8, not zero-terminated. {NULL, 0} is the empty text. What
 *    wasmrun passes is yours to read until your function returns, and not longer.
 *  - What you return stays valid until wasmrun hands it to your free_result. The manifest and the table are
 *    valid for ever.
 *  - One function of the table runs at a time, always on the same thread. The host's functions may be called
 *    from any thread while one of yours runs.
 *  - No exception, panic or longjmp may leave a function of yours.
 *  - Write into output_dir and work_dir only. What you write to stdout is shown as a log.
 */
#ifndef WASMRUN_PLUGIN_H
#define WASMRUN_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define WASMRUN_EXPORT __declspec(dllexport)
#else
#define WASMRUN_EXPORT __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define WASMRUN_ABI_VERSION 1

/* UTF-8 text; not zero-terminated. */
typedef struct wasmrun_str {
    const char *ptr;
    size_t len;
} wasmrun_str;

/* wasmrun_host.log: level */
#define WASMRUN_LOG_DEBUG 0   /* shown with -v */
#define WASMRUN_LOG_INFO 1
#define WASMRUN_LOG_WARNING 2

/* What wasmrun offers. Valid until destroy returns. */
typedef struct wasmrun_host {
    uint32_t struct_size;
    void *ctx; /* the first argument of the functions below */
    /* Say something to the user. */
    void (*log)(void *ctx, uint32_t level, wasmrun_str message);
    /* Say how far a build is, 0.0 to 1.0, and what it does now. */
    void (*progress)(void *ctx, double fraction, wasmrun_str message);
    /* Not 0 once the user gave up or the time is over: return soon, with any result. */
    uint32_t (*cancelled)(void *ctx);
} wasmrun_host;

/* wasmrun_build_config.optimization */
#define WASMRUN_OPTIMIZE_DEBUG 0
#define WASMRUN_OPTIMIZE_RELEASE 1
#define WASMRUN_OPTIMIZE_SIZE 2

/* wasmrun_build_config.flags */
#define WASMRUN_BUILD_DEBUG_INFO 1 /* keep debug information, whatever the level */
#define WASMRUN_BUILD_VERBOSE 2

/* What a build is asked for. Every path is absolute. */
typedef struct wasmrun_build_config {
    uint32_t struct_size;
    uint32_t optimization;
    uint32_t flags;
    uint32_t reserved; /* 0 */
    wasmrun_str project_path;
    wasmrun_str output_dir; /* empty, for the artifacts */
    wasmrun_str target;     /* "wasm", "web" or a word of the plugin's own */
    const wasmrun_str *custom_args; /* for the toolchain, passed on as they are */
    size_t custom_args_len;
    wasmrun_str work_dir;  /* empty, for everything else */
    wasmrun_str name;      /* the artifact's base name; empty: choose one */
    wasmrun_str entry;     /* the entry file; empty: choose one */
    wasmrun_str toolchain; /* the toolchain to use; empty: choose one */
} wasmrun_build_config;

/* wasmrun_build_result.status */
#define WASMRUN_OK 0
#define WASMRUN_BUILD_FAILED 1
#define WASMRUN_INVALID_PROJECT 2
#define WASMRUN_MISSING_TOOL 3 /* message: the names of the missing tools, one a line */
#define WASMRUN_INTERNAL 4     /* a fault of the plugin itself */

/* wasmrun_build_result.flags */
#define WASMRUN_RESULT_WASM_BINDGEN 1 /* js_path is wasm-bindgen's */

/* What a function of the table answers. */
typedef struct wasmrun_build_result {
    uint32_t struct_size;
    uint32_t status;
    uint32_t flags;
    uint32_t reserved; /* 0 */
    wasmrun_str message;   /* why not; the toolchain's own words, FILE:LINE:COLUMN: error: … where it can */
    wasmrun_str wasm_path; /* absolute, inside output_dir */
    wasmrun_str js_path;   /* the JavaScript that loads it, or empty */
    const wasmrun_str *additional_files; /* everything else worth keeping */
    size_t additional_files_len;
} wasmrun_build_result;

/* The plugin. can_handle, build and free_result must be there; others may be NULL. */
typedef struct wasmrun_plugin {
    uint32_t struct_size;
    uint32_t abi_version; /* WASMRUN_ABI_VERSION */
    wasmrun_str manifest; /* the text of wasmrun_plugin.toml */
    /* The plugin's state, handed to every function below; NULL is fine. */
    void *(*create)(const wasmrun_host *host);
    void (*destroy)(void *state);
    /* 0: not mine; 1 (a guess) to 100 (certain). */
    uint32_t (*can_handle)(void *state, wasmrun_str project_path);
    /* WASMRUN_OK or WASMRUN_MISSING_TOOL; NULL: nothing is missing. */
    wasmrun_build_result *(*check_dependencies)(void *state);
    /* WASMRUN_OK or WASMRUN_INVALID_PROJECT; NULL: nothing is wrong. */
    wasmrun_build_result *(*validate)(void *state, wasmrun_str project_path);
    wasmrun_build_result *(*build)(void *state, const wasmrun_build_config *config);
    /* additional_files: what it made outside output_dir and can make again; wasmrun removes it. NULL: none. */
    wasmrun_build_result *(*clean)(void *state, wasmrun_str project_path);
    void (*free_result)(void *state, wasmrun_build_result *result);
} wasmrun_plugin;

WASMRUN_EXPORT uint32_t wasmrun_abi_version(void);
WASMRUN_EXPORT const wasmrun_plugin *wasmrun_plugin_entry(void);

#ifdef __cplusplus
}
#endif

#endif /* WASMRUN_PLUGIN_H */
