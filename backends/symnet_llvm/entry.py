"""How Python calls machine code: a builtin function around an entry written in LLVM IR.

The entry checks that every argument is an array of the dtype, number of dims and memory order
that the program was compiled for, runs the program's prologue, makes fresh arrays for the outputs
and runs the steps, in a few hundred nanoseconds. It returns `NotImplemented`, with nothing done,
for any call that it is not made for, and for one whose inputs lie in memory that it writes.

It reads arrays as compiled extensions do, at the offsets of NumPy's published array structure, and
makes them with NumPy's C interface. `addresses` tries all of that out on arrays of known contents
before anything relies on it; where it does not hold (another memory layout, a free-threaded
interpreter), executables are called through Python instead.
"""

from __future__ import annotations

import ctypes
import importlib
from functools import cache
from typing import Any

import numpy as np

from symnet_llvm.state import INPUT_WORDS, MISMATCH, OUTPUT_WORDS, PREPARE, Slot

# Offsets in CPython's object header and in NumPy's PyArrayObject_fields and PyArray_Descr.
_TYPE, _DATA, _NDIM, _DIMS, _DESCR, _FLAGS = 8, 16, 24, 32, 56, 64
_BYTEORDER, _TYPE_NUMBER = 26, 28
_BEHAVED = 0x101  # C_CONTIGUOUS and ALIGNED
_ABI = 0x02000000  # NumPy 2
_ABI_VERSION, _ARRAY_NEW = 0, 93  # places in NumPy's table of functions
_METH_FASTCALL = 0x80

IMPORTS = (
    "PyCapsule_GetPointer",
    "PyErr_SetString",
    "PyEval_RestoreThread",
    "PyEval_SaveThread",
    "PyList_New",
    "PyList_SetItem",
    "PyObject_CallOneArg",
    "Py_DecRef",
    "Py_IncRef",
)
"""What the entry needs of CPython, all of it public."""

ARRAY_NEW = "symnet_PyArray_New"
"""The name by which it knows NumPy's PyArray_New."""

EXPORTS = ("symnet_entry",)


_WORDS = {
    "ready": "i64", "release": "i64", "prologue": "ptr", "step": "ptr", "region": "ptr",
    "input_count": "i64", "inputs": "ptr", "output_count": "i64", "outputs": "ptr",
    "messages": "ptr", "prepare": "ptr", "owner": "ptr", "ndarray": "ptr",
    "not_implemented": "ptr", "index_error": "ptr",
    "written_count": "i64", "written": "ptr", "written_low": "i64", "written_high": "i64",
}  # fmt: skip
"""Words of the state that the entry reads, with their types."""


def text() -> str:
    """The entry, a function of CPython's METH_FASTCALL convention.

    Its `self` is a capsule with the address of the state table (`symnet_llvm.state`).
    """
    words = [
        f"  %{name}.at = getelementptr i64, ptr %state, i64 {Slot[name.upper()]:d}\n"
        f"  %{name} = load {kind}, ptr %{name}.at"
        for name, kind in _WORDS.items()
    ]
    return _TEXT.format(
        words="\n".join(words), parts=Slot.PARTS.value,
        type=_TYPE, data=_DATA, ndim=_NDIM, dims=_DIMS, descr=_DESCR, flags=_FLAGS,
        byteorder=_BYTEORDER, type_number=_TYPE_NUMBER, behaved=_BEHAVED, native=ord("="),
        none=ord("|"), input_words=INPUT_WORDS, output_words=OUTPUT_WORDS, mismatch=MISMATCH,
        layout=PREPARE, array_new=ARRAY_NEW,
    )  # fmt: skip


_TEXT = """
declare ptr @PyCapsule_GetPointer(ptr, ptr)
declare ptr @PyEval_SaveThread()
declare void @PyEval_RestoreThread(ptr)
declare ptr @PyList_New(i64)
declare i32 @PyList_SetItem(ptr, i64, ptr)
declare ptr @PyObject_CallOneArg(ptr, ptr)
declare void @Py_DecRef(ptr)
declare void @Py_IncRef(ptr)
declare void @PyErr_SetString(ptr, ptr)
declare ptr @{array_new}(ptr, i32, ptr, i32, ptr, ptr, i32, i32, ptr)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)

; The unwind table is for the end of the interpreter, which ends threads inside RestoreThread.
define ptr @symnet_entry(ptr %self, ptr %arguments, i64 %count) nounwind uwtable {{
entry:
  %state = call ptr @PyCapsule_GetPointer(ptr %self, ptr null)
{words}
  %matches = icmp eq i64 %count, %input_count
  br i1 %matches, label %first, label %reject
first:
  %unbound = icmp eq i64 %ready, 0
  br i1 %unbound, label %raise, label %bound
raise:
  %raised = call ptr @PyObject_CallOneArg(ptr %prepare, ptr %owner)
  ret ptr %raised
bound:
  %some = icmp sgt i64 %count, 0
  br i1 %some, label %input, label %check

; Every argument.
input:
  %i = phi i64 [ 0, %bound ], [ %i.next, %accept ]
  %argument.at = getelementptr ptr, ptr %arguments, i64 %i
  %argument = load ptr, ptr %argument.at
  %wanted.index = mul i64 %i, {input_words}
  %wanted = getelementptr i64, ptr %inputs, i64 %wanted.index
  %type.at = getelementptr i8, ptr %argument, i64 {type}
  %type = load ptr, ptr %type.at
  %is.array = icmp eq ptr %type, %ndarray
  br i1 %is.array, label %array, label %reject
array:
  %descr.at = getelementptr i8, ptr %argument, i64 {descr}
  %descr = load ptr, ptr %descr.at
  %descr.wanted = load ptr, ptr %wanted
  %same.descr = icmp eq ptr %descr, %descr.wanted
  br i1 %same.descr, label %form, label %other
; Not the usual descriptor of the dtype, but perhaps an equal one: unpickled arrays have their own.
other:
  %order.at = getelementptr i8, ptr %descr, i64 {byteorder}
  %order = load i8, ptr %order.at
  %order.native = icmp eq i8 %order, {native}
  %order.none = icmp eq i8 %order, {none}
  %order.good = or i1 %order.native, %order.none
  %number.at = getelementptr i8, ptr %descr, i64 {type_number}
  %number.short = load i32, ptr %number.at
  %number = sext i32 %number.short to i64
  %number.wanted.at = getelementptr i64, ptr %wanted, i64 1
  %number.wanted = load i64, ptr %number.wanted.at
  %number.other.at = getelementptr i64, ptr %wanted, i64 2
  %number.other = load i64, ptr %number.other.at
  %is.wanted = icmp eq i64 %number, %number.wanted
  %is.other = icmp eq i64 %number, %number.other
  %is.dtype = or i1 %is.wanted, %is.other
  %equal = and i1 %is.dtype, %order.good
  br i1 %equal, label %form, label %reject
form:
  %ndim.at = getelementptr i8, ptr %argument, i64 {ndim}
  %ndim.short = load i32, ptr %ndim.at
  %ndim = sext i32 %ndim.short to i64
  %ndim.wanted.at = getelementptr i64, ptr %wanted, i64 3
  %ndim.wanted = load i64, ptr %ndim.wanted.at
  %same.ndim = icmp eq i64 %ndim, %ndim.wanted
  %flags.at = getelementptr i8, ptr %argument, i64 {flags}
  %flags = load i32, ptr %flags.at
  %flags.needed = and i32 %flags, {behaved}
  %behaved = icmp eq i32 %flags.needed, {behaved}
  %fits = and i1 %same.ndim, %behaved
  br i1 %fits, label %take, label %reject
take:
  %data.at = getelementptr i8, ptr %argument, i64 {data}
  %data = load ptr, ptr %data.at
  %pointer.at = getelementptr i64, ptr %wanted, i64 4
  %pointer = load ptr, ptr %pointer.at
  store ptr %data, ptr %pointer
  %dims.at = getelementptr i8, ptr %argument, i64 {dims}
  %dims = load ptr, ptr %dims.at
  %lengths.at = getelementptr i64, ptr %wanted, i64 5
  %lengths = load ptr, ptr %lengths.at
  %item.at = getelementptr i64, ptr %wanted, i64 6
  %item = load i64, ptr %item.at
  %flat = icmp eq i64 %ndim, 0
  br i1 %flat, label %extent, label %length
length:
  %axis = phi i64 [ 0, %take ], [ %axis.next, %length ]
  %bytes.part = phi i64 [ %item, %take ], [ %bytes.next, %length ]
  %length.from = getelementptr i64, ptr %dims, i64 %axis
  %length.value = load i64, ptr %length.from
  %length.to = getelementptr i64, ptr %lengths, i64 %axis
  store i64 %length.value, ptr %length.to
  %bytes.next = mul i64 %bytes.part, %length.value
  %axis.next = add i64 %axis, 1
  %axis.more = icmp slt i64 %axis.next, %ndim
  br i1 %axis.more, label %length, label %extent
; What is read may not lie where something is written.
extent:
  %bytes = phi i64 [ %item, %take ], [ %bytes.next, %length ]
  %begin = ptrtoint ptr %data to i64
  %finish = add i64 %begin, %bytes
  %below = icmp ule i64 %finish, %written_low
  %above = icmp uge i64 %begin, %written_high
  %empty = icmp eq i64 %bytes, 0
  %beside = or i1 %below, %above
  %apart = or i1 %beside, %empty
  br i1 %apart, label %accept, label %compare
compare:
  %k = phi i64 [ 0, %extent ], [ %k.next, %differ ]
  %k.more = icmp slt i64 %k, %written_count
  br i1 %k.more, label %pair, label %accept
pair:
  %low.index = shl i64 %k, 1
  %low.at = getelementptr i64, ptr %written, i64 %low.index
  %low = load i64, ptr %low.at
  %high.at = getelementptr i64, ptr %low.at, i64 1
  %high = load i64, ptr %high.at
  %before = icmp ule i64 %finish, %low
  %after = icmp uge i64 %begin, %high
  %outside = or i1 %before, %after
  br i1 %outside, label %differ, label %reject
differ:
  %k.next = add i64 %k, 1
  br label %compare
accept:
  %i.next = add i64 %i, 1
  %i.more = icmp slt i64 %i.next, %count
  br i1 %i.more, label %input, label %check

; The integers.
check:
  %status = call i64 %prologue(ptr %state)
  switch i64 %status, label %create [
    i64 {mismatch}, label %reject
    i64 {layout}, label %lay
  ]
lay:
  %laid = call ptr @PyObject_CallOneArg(ptr %prepare, ptr %owner)
  %unlaid = icmp eq ptr %laid, null
  br i1 %unlaid, label %fail, label %laid.out
laid.out:
  call void @Py_DecRef(ptr %laid)
  br label %create

; Fresh arrays for the outputs.
create:
  %list = call ptr @PyList_New(i64 %output_count)
  %no.list = icmp eq ptr %list, null
  br i1 %no.list, label %fail, label %listed
listed:
  %output.some = icmp sgt i64 %output_count, 0
  br i1 %output.some, label %output, label %run
output:
  %j = phi i64 [ 0, %listed ], [ %j.next, %made ]
  %form.index = mul i64 %j, {output_words}
  %form.number.at = getelementptr i64, ptr %outputs, i64 %form.index
  %form.number.long = load i64, ptr %form.number.at
  %form.number = trunc i64 %form.number.long to i32
  %form.ndim.at = getelementptr i64, ptr %form.number.at, i64 1
  %form.ndim.long = load i64, ptr %form.ndim.at
  %form.ndim = trunc i64 %form.ndim.long to i32
  %form.dims.at = getelementptr i64, ptr %form.number.at, i64 2
  %form.dims = load ptr, ptr %form.dims.at
  %fresh = call ptr @{array_new}(ptr %ndarray, i32 %form.ndim, ptr %form.dims, i32 %form.number,
    ptr null, ptr null, i32 0, i32 0, ptr null)
  %none = icmp eq ptr %fresh, null
  br i1 %none, label %discard, label %made
made:
  %fresh.data.at = getelementptr i8, ptr %fresh, i64 {data}
  %fresh.data = load ptr, ptr %fresh.data.at
  %form.pointer.at = getelementptr i64, ptr %form.number.at, i64 3
  %form.pointer = load ptr, ptr %form.pointer.at
  store ptr %fresh.data, ptr %form.pointer
  %kept = call i32 @PyList_SetItem(ptr %list, i64 %j, ptr %fresh)
  %j.next = add i64 %j, 1
  %j.more = icmp slt i64 %j.next, %output_count
  br i1 %j.more, label %output, label %run

; The work.
run:
  %parts.at = getelementptr i64, ptr %state, i64 {parts}
  %parts = load i64, ptr %parts.at
  %hold = icmp eq i64 %release, 0
  br i1 %hold, label %held, label %free
held:
  %held.code = call i64 %step(ptr %state, i64 0, i64 1)
  br label %end
free:
  %thread = call ptr @PyEval_SaveThread()
  %serial = icmp sle i64 %parts, 1
  br i1 %serial, label %one, label %team
one:
  %one.code = call i64 %step(ptr %state, i64 0, i64 1)
  br label %back
team:
  %team.code = call i64 %region(ptr %step, ptr %state, i64 %parts)
  br label %back
back:
  %free.code = phi i64 [ %one.code, %one ], [ %team.code, %team ]
  call void @PyEval_RestoreThread(ptr %thread)
  br label %end
end:
  %code = phi i64 [ %held.code, %held ], [ %free.code, %back ]
  %good = icmp eq i64 %code, 0
  br i1 %good, label %done, label %guarded
done:
  ret ptr %list
guarded:
  %message.at = getelementptr ptr, ptr %messages, i64 %code
  %message = load ptr, ptr %message.at
  call void @PyErr_SetString(ptr %index_error, ptr %message)
  br label %discard
discard:
  call void @Py_DecRef(ptr %list)
  br label %fail
fail:
  ret ptr null
reject:
  call void @Py_IncRef(ptr %not_implemented)
  ret ptr %not_implemented
}}
"""


class _MethodDef(ctypes.Structure):
    """CPython's PyMethodDef."""

    _fields_ = [
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    ]


_METHOD = _MethodDef(b"call", None, _METH_FASTCALL, None)
"""Shared by all builtins; they point to it."""


def addresses() -> dict[str, int] | None:
    """Addresses of `IMPORTS` and `ARRAY_NEW`; None where something is not as it is expected."""
    if not _fields_are_where_expected():
        return None
    try:
        found = {name: address_of(getattr(ctypes.pythonapi, name)) for name in IMPORTS}
        array_new = _array_new()
    except AttributeError:
        return None
    return None if array_new is None else found | {ARRAY_NEW: array_new}


def address_of(function: Any) -> int:
    """The address of a function that ctypes knows."""
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None
    return address


def _read(address: int, kind: Any) -> Any:
    return kind.from_address(address).value


def _fields_are_where_expected() -> bool:
    """Whether the fields that the entry reads hold what Python says they should."""
    if ctypes.sizeof(ctypes.c_void_p) != 8 or type(np.zeros(0)).__basicsize__ < _FLAGS + 4:
        return False
    raw = np.zeros(65, "uint8")
    samples: list[np.ndarray[Any, Any]] = [
        np.zeros((2, 3), "float32"),
        np.zeros((2, 3, 4), "int64").T,
        np.zeros((), "bool"),
        np.zeros(5, "int16")[::2],
        np.zeros(4, np.dtype("float64").newbyteorder()),
        raw[1:].view("float64"),
        raw[1:],
    ]
    for a in samples:
        descr = a.dtype
        header, descr_at = id(a), id(descr)
        if (
            _read(header + _TYPE, ctypes.c_void_p) != id(np.ndarray)
            or _read(header + _DESCR, ctypes.c_void_p) != descr_at
            or _read(header + _DATA, ctypes.c_void_p) != a.ctypes.data
            or _read(header + _NDIM, ctypes.c_int) != a.ndim
            or _read(header + _FLAGS, ctypes.c_int) != a.flags.num
            or _read(descr_at + _TYPE_NUMBER, ctypes.c_int) != descr.num
            or _read(descr_at + _BYTEORDER, ctypes.c_char) != descr.byteorder.encode()
        ):
            return False
        dims = _read(header + _DIMS, ctypes.c_void_p)
        if a.ndim and tuple((ctypes.c_ssize_t * a.ndim).from_address(dims)) != a.shape:
            return False
        wanted = a.flags.c_contiguous and a.flags.aligned
        if (a.flags.num & _BEHAVED == _BEHAVED) != wanted:
            return False
    return True


def _array_new() -> int | None:
    """The address of PyArray_New, if it makes the arrays that it should."""
    get = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
        ("PyCapsule_GetPointer", ctypes.pythonapi)
    )
    # Where NumPy's own headers look for the table of functions.
    table = get(importlib.import_module("numpy._core._multiarray_umath")._ARRAY_API, None)
    if not table:
        return None
    functions = (ctypes.c_void_p * (_ARRAY_NEW + 1)).from_address(table)
    version, new = functions[_ABI_VERSION], functions[_ARRAY_NEW]
    if not version or not new or ctypes.PYFUNCTYPE(ctypes.c_uint)(version)() != _ABI:
        return None
    make = ctypes.PYFUNCTYPE(
        ctypes.py_object, ctypes.py_object, ctypes.c_int, ctypes.c_void_p, ctypes.c_int,
        ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_void_p,
    )(new)  # fmt: skip
    dims = (ctypes.c_ssize_t * 2)(3, 5)
    number = np.dtype("float32").num
    made = make(np.ndarray, 2, ctypes.addressof(dims), number, None, None, 0, 0, None)
    good = (
        type(made) is np.ndarray
        and made.shape == (3, 5)
        and made.dtype == np.float32
        and made.flags.c_contiguous
        and made.flags.owndata
    )
    return new if good else None


def type_numbers(dtype: str) -> tuple[int, int]:
    """NumPy's type numbers of a dtype: C may have two integers of one size."""
    numbers = {np.dtype(c).num for c in np.typecodes["AllInteger"] + "?fd" if np.dtype(c) == dtype}
    return min(numbers), max(numbers)


@cache
def _functions() -> tuple[Any, Any]:
    capsule = ctypes.PYFUNCTYPE(
        ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p
    )(("PyCapsule_New", ctypes.pythonapi))
    builtin = ctypes.PYFUNCTYPE(
        ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.py_object
    )(("PyCFunction_NewEx", ctypes.pythonapi))
    return capsule, builtin


def builtin(function: int, state: int, owner: object) -> Any:
    """A Python builtin that calls the entry.

    Parameters
    ----------
    function
        Address of the entry.
    state
        Address of the state table.
    owner
        What must live for as long as the builtin does.
    """
    _METHOD.function = function
    new_capsule, new_builtin = _functions()
    # The third argument is meant for the module's name; all CPython does with it is keep it.
    return new_builtin(ctypes.addressof(_METHOD), new_capsule(state, None, None), owner)
