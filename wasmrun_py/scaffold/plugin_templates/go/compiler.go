package main

// This is where your compiler goes; a real one would run its toolchain.

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var lineForm = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(-?[0-9]+)$`)

// A function of a program.
type function struct {
	name   string
	number int32
}

// compileSource gives a module with one function a line; with debug it keeps the functions' names.
func compileSource(text string, debug bool) ([]byte, error) {
	functions, err := parse(text)
	if err != nil {
		return nil, err
	}
	count := len(functions)
	module := []byte("\x00asm\x01\x00\x00\x00")
	module = section(module, 1, []byte{1, 0x60, 0, 1, 0x7f}) // one type: () -> i32
	module = section(module, 3, vector(count, func(out []byte, _ int) []byte { return append(out, 0) }))
	module = section(module, 7, vector(count, func(out []byte, n int) []byte {
		return unsigned(append(str(out, functions[n].name), 0), n)
	}))
	module = section(module, 10, vector(count, func(out []byte, n int) []byte {
		body := append(signed([]byte{0, 0x41}, functions[n].number), 0x0b) // no locals; i32.const
		return append(unsigned(out, len(body)), body...)
	}))
	if debug {
		names := vector(count, func(out []byte, n int) []byte { return str(unsigned(out, n), functions[n].name) })
		module = section(module, 0, section(str(nil, "name"), 1, names))
	}
	return module, nil
}

func parse(text string) ([]function, error) {
	var functions []function
	seen := map[string]bool{}
	for number, line := range strings.Split(text, "\n") {
		code, _, _ := strings.Cut(line, "#")
		code = strings.TrimSpace(code)
		if code == "" {
			continue
		}
		fail := func(message string) error {
			column := len(line) - len(strings.TrimLeft(line, " \t\r")) + 1
			return fmt.Errorf("%s:%d:%d: error: %s", entryFile, number+1, column, message)
		}
		found := lineForm.FindStringSubmatch(code)
		if found == nil {
			return nil, fail("expected NAME = NUMBER")
		}
		value, err := strconv.ParseInt(found[2], 10, 32)
		if err != nil {
			return nil, fail("the number does not fit 32 bits")
		}
		if seen[found[1]] {
			return nil, fail("the name is there already")
		}
		seen[found[1]] = true
		functions = append(functions, function{found[1], int32(value)})
	}
	if len(functions) == 0 {
		return nil, fmt.Errorf("%s:1:1: error: the program is empty", entryFile)
	}
	return functions, nil
}

func section(out []byte, number byte, content []byte) []byte {
	return append(unsigned(append(out, number), len(content)), content...)
}

func vector(count int, item func(out []byte, n int) []byte) []byte {
	out := unsigned(nil, count)
	for n := 0; n < count; n++ {
		out = item(out, n)
	}
	return out
}

func str(out []byte, text string) []byte {
	return append(unsigned(out, len(text)), text...)
}

func unsigned(out []byte, value int) []byte {
	for ; value > 0x7f; value >>= 7 {
		out = append(out, byte(value&0x7f)|0x80)
	}
	return append(out, byte(value))
}

func signed(out []byte, value int32) []byte {
	for {
		low := byte(value & 0x7f)
		value >>= 7
		if (value == 0 && low&0x40 == 0) || (value == -1 && low&0x40 != 0) {
			return append(out, low)
		}
		out = append(out, low|0x80)
	}
}
