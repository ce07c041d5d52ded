// The {{name}} plugin for wasmrun: {{language}} projects become WebAssembly.
//
// wasmrun calls the exported functions below through the table in table.c. The rules of the interface stand
// at the top of include/wasmrun_plugin.h. What is returned lies in C's memory: Go's may move.
package main

/*
#cgo CFLAGS: -Iinclude
#include <stdlib.h>
#include "wasmrun_plugin.h"

void report(const wasmrun_host *host, double fraction, const char *text, size_t len);
*/
import "C"

import (
	"fmt"
	"os"
	"path/filepath"
	"unsafe"
)

const entryFile = "main.{{extension}}"

// The way back to wasmrun; one library serves one process.
var host *C.wasmrun_host

func main() {}

func text(str C.wasmrun_str) string {
	if str.ptr == nil {
		return ""
	}
	return C.GoStringN(str.ptr, C.int(str.len))
}

func leak(text string) C.wasmrun_str {
	if text == "" {
		return C.wasmrun_str{}
	}
	return C.wasmrun_str{ptr: C.CString(text), len: C.size_t(len(text))}
}

func result(status C.uint32_t, message, wasmPath string) *C.wasmrun_build_result {
	made := (*C.wasmrun_build_result)(C.calloc(1, C.sizeof_wasmrun_build_result))
	made.struct_size = C.sizeof_wasmrun_build_result
	made.status = status
	made.message = leak(message)
	made.wasm_path = leak(wasmPath)
	return made
}

func progress(fraction float64, message string) {
	if host != nil {
		data := C.CString(message)
		defer C.free(unsafe.Pointer(data))
		C.report(host, C.double(fraction), data, C.size_t(len(message)))
	}
}

func hasEntry(project string) bool {
	found, err := os.Stat(filepath.Join(project, entryFile))
	return err == nil && found.Mode().IsRegular()
}

//export pluginCreate
func pluginCreate(offered *C.wasmrun_host) unsafe.Pointer {
	host = offered
	return nil
}

//export pluginCanHandle
func pluginCanHandle(_ unsafe.Pointer, project C.wasmrun_str) C.uint32_t {
	if hasEntry(text(project)) {
		return 95
	}
	return 0
}

//export pluginValidate
func pluginValidate(_ unsafe.Pointer, project C.wasmrun_str) *C.wasmrun_build_result {
	if hasEntry(text(project)) {
		return nil
	}
	return result(C.WASMRUN_INVALID_PROJECT, entryFile+" is not there", "")
}

//export pluginBuild
func pluginBuild(_ unsafe.Pointer, config *C.wasmrun_build_config) (made *C.wasmrun_build_result) {
	// A panic must not leave this function.
	defer func() {
		if problem := recover(); problem != nil {
			made = result(C.WASMRUN_INTERNAL, fmt.Sprint(problem), "")
		}
	}()
	progress(0, "Compiling {{language}}")
	defer progress(1, "Compiling {{language}}")
	entry, name := text(config.entry), text(config.name)
	if entry == "" {
		entry = filepath.Join(text(config.project_path), entryFile)
	}
	if name == "" {
		name = "main"
	}
	source, err := os.ReadFile(entry)
	if err != nil {
		return result(C.WASMRUN_INVALID_PROJECT, err.Error(), "")
	}
	debug := config.optimization == C.WASMRUN_OPTIMIZE_DEBUG || config.flags&C.WASMRUN_BUILD_DEBUG_INFO != 0
	module, err := compileSource(string(source), debug)
	if err != nil {
		return result(C.WASMRUN_BUILD_FAILED, err.Error(), "")
	}
	path := filepath.Join(text(config.output_dir), name+".wasm")
	if err := os.WriteFile(path, module, 0o644); err != nil {
		return result(C.WASMRUN_BUILD_FAILED, err.Error(), "")
	}
	return result(C.WASMRUN_OK, "", path)
}

//export pluginFreeResult
func pluginFreeResult(_ unsafe.Pointer, made *C.wasmrun_build_result) {
	if made != nil {
		C.free(unsafe.Pointer(made.message.ptr))
		C.free(unsafe.Pointer(made.wasm_path.ptr))
		C.free(unsafe.Pointer(made))
	}
}
