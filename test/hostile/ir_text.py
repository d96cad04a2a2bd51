# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Text of the compiler's IR, for dure-opt and for `dure compile --start-from`."""

from case import IN, OUT, Group

GROUP = Group("ir-text")
DEEP = 100_000
PLACE = "x.mlir:"


def refused(name, text, *texts, both=True):
    """Neither takes it; the message has a place in the file."""
    content = text if callable(text) else text if isinstance(text, bytes) else text.encode()
    expected = texts or (PLACE,)
    GROUP.add(
        f"{name}-opt",
        {"x.mlir": content},
        ["dure-opt", f"{IN}/x.mlir", "-o", f"{OUT}/y.mlir"],
        texts=expected,
    )
    if both:
        GROUP.add(
            f"{name}-compile",
            {"x.mlir": content},
            ["dure", "compile", f"{IN}/x.mlir", "--start-from", "simplify", "-o", f"{OUT}/x.dure"],
            texts=expected,
        )


def main(
    body,
    arguments='%x: tensor<2xf32> {dure.name = "x"}',
    results='tensor<2xf32> {dure.name = "y"}',
):
    return f"""module attributes {{dure.files = [], dure.phase = "import"}} {{
  func.func @main({arguments}) -> ({results}) {{
{body}
  }}
}}
"""


GOOD = main(
    "    %0 = dure.neg %x : (tensor<2xf32>) -> tensor<2xf32>\n    return %0 : tensor<2xf32>"
)
GROUP.add(
    "good",
    {"x.mlir": GOOD.encode()},
    ["dure", "compile", f"{IN}/x.mlir", "--start-from", "simplify", "-o", f"{OUT}/x.dure"],
    status=0,
)
for place in range(20, len(GOOD) - 12, 17):
    refused(f"cut-at-{place}", GOOD[:place], both=False)

# Not even text ---------------------------------------------------------------------------
refused("nul", GOOD.replace("neg", "n\0g"), "it holds a control character")
refused("invalid-utf-8", GOOD.encode().replace(b"neg", b"n\xffg"), "it is not valid UTF-8")
refused("bytes", bytes(range(256)) * 16, "control character")
refused("bytecode", b"ML\xefR" + bytes(100), "control character")
refused("bytecode-cut", b"ML\xefR\x0d", "not valid UTF-8")
refused("bytecode-ones", b"ML\xefR" + b"\xff" * 1000, "not valid UTF-8")
refused("one-line-of-1-mib", "a" * (1 << 20), "custom op 'aaa")

# Nesting ------------------------------------------------------------------------------------
NESTED = {
    "tuples": lambda: main(
        f"    %0 = builtin.unrealized_conversion_cast %x : tensor<2xf32> to {'tuple<' * DEEP}i1{'>' * DEEP}\n    return %x : tensor<2xf32>"
    ),
    "arrays": lambda: f"module attributes {{a = {'[' * DEEP}{']' * DEEP}}} {{}}",
    "dictionaries": lambda: f"module attributes {{a = {'{a = ' * DEEP}1{'}' * DEEP}}} {{}}",
    "modules": lambda: "module {" * DEEP + "}" * DEEP,
    "regions": lambda: '"a.b"() ({' * DEEP + "}) : () -> ()" * DEEP,
    "locations": lambda: f"module {{}} loc({'fused[' * DEEP}unknown{']' * DEEP})",
    "call-sites": lambda: f"module {{}} loc({'callsite(' * DEEP}unknown{' at unknown)' * DEEP})",
    "functions-as-types": lambda: f"module attributes {{a = {'() -> (' * DEEP}i1{')' * DEEP}}} {{}}",
    "affine": lambda: f"#m = affine_map<(d0) -> ({'(' * DEEP}d0{')' * DEEP})>\n",
    "dense": lambda: f"module attributes {{a = dense<{'[' * DEEP}1{']' * DEEP}> : tensor<1xi1>}} {{}}",
    "memref-layouts": lambda: f"module attributes {{a = {'memref<1x' * DEEP}i1{'>' * DEEP}}} {{}}",
    "minus-signs": lambda: f"#m = affine_map<(d0) -> ({'-' * DEEP}d0)>\n",
}
for name, text in NESTED.items():
    refused(
        f"nested-{name}",
        lambda text=text: text().encode(),
        "too many operators" if name == "minus-signs" else "it nests too deeply",
    )

# Sizes ------------------------------------------------------------------------------------------
refused("tensor-2-70", GOOD.replace("2xf32", f"{1 << 70}xf32"), "invalid dimension")
refused(
    "tensor-2-62",
    GOOD.replace("2xf32", f"{1 << 62}xf32"),
    "must be ranked tensor of a dure element type",
)
refused(
    "tensor-product",
    GOOD.replace("2xf32", f"{1 << 40}x{1 << 40}xf32"),
    "must be ranked tensor of a dure element type",
)
refused("integer-of-2-24-bits", GOOD.replace("xf32", "xi16777216"), "integer bitwidth is limited")
refused(
    "dense-2-60",
    main(
        f"    %0 = dure.constant dense<0.0> : tensor<{1 << 60}xf32> : tensor<{1 << 60}xf32>\n    return %x : tensor<2xf32>"
    ),
)
refused(
    "dense-hex-short",
    main(
        '    %0 = dure.constant dense<"0x00"> : tensor<2xf32> : tensor<2xf32>\n    return %0 : tensor<2xf32>'
    ),
    "elements hex data size is invalid",
)
refused(
    "dense-of-other-count",
    main(
        "    %0 = dure.constant dense<[1.0, 2.0, 3.0]> : tensor<2xf32> : tensor<2xf32>\n    return %0 : tensor<2xf32>"
    ),
    "inferred shape of elements literal",
)
refused(
    "constant-of-65",
    main(
        f"    %0 = dure.constant dense<[{', '.join(f'{i}.0' for i in range(65))}]> : tensor<65xf32> : tensor<65xf32>\n    return %x : tensor<2xf32>"
    ),
    "has 65 elements, more than 64",
)

# The dialect -----------------------------------------------------------------------------------------
refused("op-unknown", GOOD.replace("dure.neg", "dure.frobnicate"), "'dure.frobnicate' is unknown")
refused("dialect-unknown", GOOD.replace("dure.neg", "other.neg"), "Dialect `other' not found")
refused("value-unknown", GOOD.replace("neg %x", "neg %z"), "use of undeclared SSA value")
refused(
    "value-twice",
    main(
        "    %0 = dure.neg %x : (tensor<2xf32>) -> tensor<2xf32>\n    %0 = dure.neg %x : (tensor<2xf32>) -> tensor<2xf32>\n    return %0 : tensor<2xf32>"
    ),
    "redefinition of SSA value '%0'",
)
refused(
    "cycle",
    main(
        "    %0 = dure.neg %1 : (tensor<2xf32>) -> tensor<2xf32>\n    %1 = dure.neg %0 : (tensor<2xf32>) -> tensor<2xf32>\n    return %0 : tensor<2xf32>"
    ),
    "does not dominate this use",
)
refused(
    "without-return",
    main("    %0 = dure.neg %x : (tensor<2xf32>) -> tensor<2xf32>"),
    "block with no terminator",
)
refused(
    "return-of-other-type",
    GOOD.replace("-> (tensor<2xf32>", "-> (tensor<3xf32>"),
    "doesn't match function result type",
)
refused(
    "types-differ",
    main(
        "    %0 = dure.add %x, %x : (tensor<2xf32>, tensor<3xf32>) -> tensor<2xf32>\n    return %0 : tensor<2xf32>"
    ),
    "'tensor<3xf32>' vs 'tensor<2xf32>'",
)
refused(
    "function-twice",
    GOOD.replace("\n}\n", "\n  func.func private @main()\n}\n"),
    "redefinition of symbol named 'main'",
)
DIMS = {
    "unknown-symbol": "n + ",
    "empty": "",
    "unbalanced": "(n",
    "nested": "(" * 5000 + "n" + ")" * 5000,
    "minus-signs": "-" * 5000 + "n",
    "overflow": "9223372036854775808",
    "product": "9223372036854775807*9223372036854775807",
    "division-by-0": "n // 0",
    "power": "*".join(["(" + "+".join(f"n{i}" for i in range(20)) + ")"] * 12),
    "call": "f(n)",
    "max-of-1000": "max(" + ", ".join(f"n{i}" for i in range(1000)),
}
for name, text in DIMS.items():
    given = f'tensor<?xf32, #dure.dims<["{text}"]>>'
    refused(
        f"dims-{name}",
        main(
            f"    return %x : {given}",
            f'%x: {given} {{dure.name = "x"}}',
            f'{given} {{dure.name = "y"}}',
        ),
        "is not a dimension expression",
    )
refused(
    "dims-of-other-rank",
    main(
        '    return %x : tensor<?xf32, #dure.dims<["n", "m"]>>',
        '%x: tensor<?xf32, #dure.dims<["n", "m"]>>',
        'tensor<?xf32, #dure.dims<["n", "m"]>>',
    ),
    "encoding has 2 dimensions",
)
refused(
    "dims-without-text",
    main(
        "    return %x : tensor<?xf32, #dure.dims<[1]>>",
        "%x: tensor<?xf32, #dure.dims<[1]>>",
        "tensor<?xf32, #dure.dims<[1]>>",
    ),
    "invalid kind of attribute",
)

# Aliases that double: a line more, twice the text.
for sigil, kind in {"!": "tuple<{0}, {0}>", "#": "[{0}, {0}]"}.items():
    lines = [f"{sigil}a0 = " + ("i1" if sigil == "!" else "1")]
    lines += [f"{sigil}a{i} = " + kind.format(f"{sigil}a{i - 1}") for i in range(1, 70)]
    name = "types" if sigil == "!" else "attributes"
    use = f"module attributes {{a = {sigil}a69}} {{}}"
    refused(f"doubling-{name}", "\n".join([*lines, use]), "an alias is too large")
sums = " + ".join(["d0"] * DEEP)
refused("sum-of-100000", f"#m = affine_map<(d0) -> ({sums})>\n", "too many operators")
comment = "// " + "(" * DEEP + "\n"
GROUP.add(
    "brackets-in-comments",
    {"x.mlir": (comment + GOOD).encode()},
    ["dure", "compile", f"{IN}/x.mlir", "--start-from", "simplify", "-o", f"{OUT}/x.dure"],
    status=0,
)

# Weights that lie in files.
WEIGHT = """module attributes {{dure.files = ["{file}"], dure.phase = "import"}} {{
  dure.weight @w from <file = {index}, offset = {offset}, size = 8, type = tensor<2xf32>> : tensor<2xf32>
  func.func @main(%x: tensor<2xf32> {{dure.name = "x"}}) -> (tensor<2xf32> {{dure.name = "y"}}) {{
    %w = dure.get_weight @w : tensor<2xf32>
    %0 = dure.add %x, %w : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
    return %0 : tensor<2xf32>
  }}
}}
"""


def weight(name, *texts, file="/proc/self/exe", index=0, offset=0):
    text = WEIGHT.format(file=file, index=index, offset=offset)
    GROUP.add(
        f"weight-{name}",
        {"x.mlir": text.encode()},
        ["dure", "compile", f"{IN}/x.mlir", "--start-from", "simplify", "-o", f"{OUT}/x.dure"],
        texts=texts,
    )


weight("of-file-7", "x.mlir", index=7)
weight("of-file-minus-1", "x.mlir", index=-1)
weight("beyond-end", "weight 'w': its range is not in the file", offset=1 << 50)
weight("offset-negative", "x.mlir", offset=-8)
weight("offset-overflows", "x.mlir", offset=(1 << 63) - 4)
weight("file-missing", "/gone", file="/gone")
weight("file-is-device", "weight 'w': its range is not in the file", file="/dev/zero")
weight("file-is-folder", "'/' is absolute", file="/")

# What is no file.
for path in ("/dev/zero", "/dev/null", "/"):
    name = path.replace("/", "-")
    for tool, more in (
        ("dure-opt", ["-o", f"{OUT}/y.mlir"]),
        ("dure", ["--start-from", "simplify", "-o", f"{OUT}/x.dure"]),
    ):
        command = [tool, *(["compile"] if tool == "dure" else []), path, *more]
        GROUP.add(f"text-of{name}-{tool}", {}, command, texts=("not a regular file",))
