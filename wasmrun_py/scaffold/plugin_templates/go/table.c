/* The table of the {{name}} plugin; its functions are Go's, in plugin.go. */
#include "_cgo_export.h"

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

static const wasmrun_plugin TABLE = {
    .struct_size = sizeof(wasmrun_plugin),
    .abi_version = WASMRUN_ABI_VERSION,
    .manifest = {MANIFEST, sizeof MANIFEST - 1},
    .create = (void *(*)(const wasmrun_host *))pluginCreate,
    .can_handle = pluginCanHandle,
    .validate = pluginValidate,
    .build = (wasmrun_build_result * (*)(void *, const wasmrun_build_config *)) pluginBuild,
    .free_result = pluginFreeResult,
};

uint32_t wasmrun_abi_version(void) { return WASMRUN_ABI_VERSION; }

const wasmrun_plugin *wasmrun_plugin_entry(void) { return &TABLE; }

/* Go cannot call a pointer to a C function. */
void report(const wasmrun_host *host, double fraction, const char *text, size_t len) {
    host->progress(host->ctx, fraction, (wasmrun_str){text, len});
}
