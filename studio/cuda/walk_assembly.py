"""Machine code of a walk (`studio.cuda.walking`) through calls of a set of kernels, without a card.

The walk is compiled with calls of functions that are nowhere; then the PTX of each kernel, as its launches have it,
is put in the place of the call. Real calls would have all threads save tens of registers each time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from llvmlite import ir
from numba import cuda, types
from numba.cuda import cgutils
from numba.cuda.extending import intrinsic

from studio.cuda.assembly import compiling_for, ptx
from studio.cuda.device import DeviceTranslation, group_number
from studio.cuda.walking import THREADS, walk_of
from studio.kernels.jit import Kernel
from studio.kernels.simd import integers_at

SYMBOL = "studio_walk"
#: Registers of a thread, at most: a multiprocessor has 65536 of them, on all cards from 2018 on.
REGISTERS = (1 << 16) // THREADS
_KERNEL = "studio_kernel_{}"
_i64 = ir.IntType(64)
#: Each of Numba's functions has such a number; nothing reads it.
_UNREAD = re.compile(r"^\.common \.global .*_ZN08NumbaEnv\w+;\n", re.MULTILINE)
#: A call of a kernel as the compiler writes it: the arguments, and which kernel.
_CALL = re.compile(
    r"\{ // callseq (?P<number>\d+), \d+\n(?P<arguments>.*?)call\.uni\s+" + _KERNEL.format(r"(?P<kernel>\d+)") + r",.*?\} // callseq (?P=number)\n",
    re.DOTALL,
)


class NotWalked(RuntimeError):
    """A kernel cannot be one of a walk's; one plain sentence."""


@dataclass(frozen=True)
class Linked:
    """A walk's machine code.

    Parameters
    ----------
    code : bytes
        A cubin, whose entry is `SYMBOL`.
    log : str
        What the assembler says of registers, and of memory in place of those that were too few.
    """

    code: bytes
    log: str


def machine_code(kernels: Sequence[Kernel], alone: Sequence[bool], capability: tuple[int, int]) -> Linked:
    """The machine code of a walk.

    Parameters
    ----------
    kernels : sequence of Kernel
        In the order of their numbers.
    alone : sequence of bool
        By kernel: whether one group calls it and the others wait.
    capability : (int, int)
        Kind of card, such as (9, 0) for Hopper.

    Raises
    ------
    NotWalked
        When a kernel was written for launches of its own.
    studio.cuda.translation.NotTranslated
        When a kernel uses what cards have no twin of.
    """
    from cuda.core import Linker, LinkerOptions, ObjectCode

    text = walk_text(kernels, alone, capability)
    major, minor = capability
    # Functions that kernels call must keep to what the block leaves a thread, too.
    options = LinkerOptions(arch=f"sm_{major}{minor}", max_register_count=REGISTERS, ptxas_options=["-v"])
    linker = Linker(ObjectCode.from_ptx(text.encode()), options=options)
    return Linked(bytes(linker.link("cubin").code), linker.get_info_log())


def walk_text(kernels: Sequence[Kernel], alone: Sequence[bool], capability: tuple[int, int]) -> str:
    """The PTX of a walk with its kernels in it; see `machine_code`."""
    bodies, functions = [], []
    for number, (kernel, one) in enumerate(zip(kernels, alone, strict=True)):
        text = ptx(kernel, capability)
        _refuse(kernel, one, text)
        body, others = _body(text, number)
        bodies.append(body)
        functions.append(others)
    entry = _entry(len(kernels), capability)
    found = [int(call["kernel"]) for call in _CALL.finditer(entry)]
    if sorted(found) != list(range(len(kernels))):
        raise NotWalked(f"The compiler calls kernels {sorted(found)} in a walk that has {len(kernels)}.")

    def put(call: re.Match[str]) -> str:
        # Not all compilers write them in their order.
        places = dict(re.findall(r"st\.param\.b64\s+\[param(\d)(?:\+0)?\], (%\w+);", call["arguments"]))
        if sorted(places) != list("0123"):
            raise NotWalked(f"The compiler passes arguments {sorted(places)} to a kernel of a walk.")
        moves = "".join(f"\tmov.b64 %argument{i}, {place};\n" for i, place in places.items())
        done = f"$done_{call['kernel']}"
        return f"{{\n\t.reg .b64 %argument<4>;\n{moves}{bodies[int(call['kernel'])]}{done}:\n\t}}\n"

    entry = re.sub(r"^\.extern \.func .*?\)\s*;\n", "", entry, flags=re.DOTALL | re.MULTILINE)
    head, start, rest = entry.partition(".visible .entry ")
    return head + "\n".join(functions) + start + _CALL.sub(put, rest)


def _refuse(kernel: Kernel, alone: bool, text: str) -> None:
    """Raise where a kernel's PTX counts on a launch of its own."""
    if re.search(r"\.shared\b|\bbar\.(sync|cta)\b|\bbarrier\.", text):
        raise NotWalked(f"The kernel {kernel.name} is for blocks of threads of its own.")
    if alone and re.search(r"%n(tid|ctaid)\b", text):
        raise NotWalked(f"The kernel {kernel.name} shares its loops with groups that are not to call it.")


def _body(text: str, number: int) -> tuple[str, str]:
    """A kernel's PTX as a block of instructions that reads `%argument0` to `3`, and what that needs beside it."""
    text = _UNREAD.sub("", text)
    (symbol,) = re.findall(r"\.entry\s+(\w+)\(", text)
    _, _, text = text.partition(".address_size 64\n")
    # Other kernels may have the same names for other things, at the top and for places to jump to.
    for name in set(re.findall(r"^(?:\.\w+ )*\.func\s+(?:\(.*?\)\s*)?(\w+)", text, re.MULTILINE)) | set(
        re.findall(r"^(?:\.\w+ )*\.(?:global|const) .*?(\w+)(?:\[\d*\])*(?: = .*)?;", text, re.MULTILINE)
    ):
        text = re.sub(rf"(?<![\w$%]){name}\b", f"{name}_of_{number}", text)
    text = text.replace("$L__", f"$of_{number}_")
    before, _, rest = text.partition(f".visible .entry {symbol}(")
    _, _, rest = rest.partition("\n)\n")
    end = rest.index("\n}") + 2
    body, after = rest[:end], rest[end:]
    body = re.sub(rf"ld\.param\.[bu]64(\s+%\w+), \[{symbol}_param_(\d)\];", r"mov.b64\1, %argument\2;", body)
    body = re.sub(r"\bret;", f"bra $done_{number};", body)
    if symbol in body or re.search(r"\bexit;", body):
        raise NotWalked("The compiler reads a kernel's arguments, or ends it, in a way that is not known.")
    return body + "\n", before + after


def _entry(count: int, capability: tuple[int, int]) -> str:
    """The PTX of the walk itself, which calls `count` kernels by names."""

    @intrinsic
    def call(context, number, arena, record, table, state):
        def generate(context, builder, signature, arguments):
            which, *places = arguments
            kind = ir.FunctionType(ir.VoidType(), [_i64] * 4)
            after = builder.append_basic_block("called")
            choose = builder.switch(which, after)
            for known in range(count):
                block = builder.append_basic_block(f"kernel_{known}")
                choose.add_case(ir.Constant(_i64, known), block)
                builder.position_at_end(block)
                function = cgutils.get_or_insert_function(builder.module, kind, _KERNEL.format(known))
                # Threads wait for each other in there.
                function.attributes.add("convergent")
                builder.call(function, places)
                builder.branch(after)
            builder.position_at_end(after)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 5), generate

    @cuda.jit(device=True)
    def meet():
        # Groups of a warp may have gone different ways, and the block's barrier wants warps as a whole.
        cuda.syncwarp()
        cuda.syncthreads()

    walk: Any = walk_of(call, meet, group_number, DeviceTranslation().twin(integers_at))
    with compiling_for(capability):
        made, _ = cuda.compile(
            walk, (types.int64,) * 3, cc=capability, device=False, abi="numba", output="ptx", launch_bounds=THREADS
        )
    text = _UNREAD.sub("", str(made))
    (symbol,) = re.findall(r"\.entry\s+(\w+)\(", text)
    return re.sub(rf"\b{symbol}(?=\b|_param_)", SYMBOL, text)
