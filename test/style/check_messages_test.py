#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Tests check_messages.py on small trees of its own."""

import tempfile
import unittest
from pathlib import Path

import check_messages

SOURCE = """
Status f(const std::string &Name, int N) {
  // return invalidArgument("not said");
  if (N < 0)
    return Status(StatusCode::NotFound, "there is no '" + Name + "'");
  if (N == 0)
    return invalidArgument(N ? "it is " "small" : "it is none");
  return systemError(errno, "cannot read " + quoted(Name)).at("file " + Name);
}
"""
KNOWN = [
    ("there is no '{0}'", "'{0}'은(는) 없습니다"),
    ("it is {0*}", "상태: {0*}"),
    ("small", "작습니다"),
    ("none", "없습니다"),
    ("cannot read {0}: {1*}", "{0}을(를) 읽을 수 없습니다: {1*}"),
    ("file {0}: {1*}", "파일 {0}: {1*}"),
]


class CheckMessages(unittest.TestCase):
    def check(self, known, source=SOURCE, calls=check_messages.RUNTIME_CALLS):
        with tempfile.TemporaryDirectory() as name:
            tree = Path(name)
            (tree / "src").mkdir()
            (tree / "src/F.cpp").write_text(source)
            (tree / "Known.def").write_text(
                "".join(f'DURE_TEXT("{e}", "{k}")\n' for e, k in known))
            group = check_messages.Group(
                "Known.def", [check_messages.Speaker(calls, ["src"])])
            return list(check_messages.wrong_group(tree, group))

    def test_complete_catalogue_is_accepted(self):
        self.assertEqual(self.check(KNOWN), [])

    def test_every_text_is_wanted(self):
        for left_out in range(len(KNOWN)):
            known = KNOWN[:left_out] + KNOWN[left_out + 1:]
            self.assertNotEqual(self.check(known), [], KNOWN[left_out])

    def test_an_entry_lacks_a_language(self):
        for wrong in ("", "there is no '{0}'!"):
            known = [(KNOWN[0][0], wrong)] + KNOWN[1:]
            self.assertIn("has no Korean", self.check(known)[0])

    def test_an_entry_has_other_values(self):
        known = [(KNOWN[0][0], "'{1}'은(는) 없습니다")] + KNOWN[1:]
        self.assertIn("has other values", self.check(known)[0])

    def test_a_particle_fits_one_sound_only(self):
        known = [(KNOWN[0][0], "'{0}'은 없습니다")] + KNOWN[1:]
        self.assertIn("particle", self.check(known)[0])

    def test_an_entry_that_nothing_says(self):
        known = KNOWN + [("it was dropped", "버렸습니다")]
        self.assertIn("any more", self.check(known)[0])

    def test_an_earlier_entry_takes_a_text_away(self):
        known = [("there is no {0}", "{0}은(는) 없습니다")] + KNOWN
        self.assertIn("must stand before", self.check(known)[0])

    def test_formats_of_drivers(self):
        source = 'return H.error(CODE, "%" PRIu64 " of %zu bytes", A, B);'
        known = [("{0} of {1} bytes", "{1}바이트 중 {0}")]
        calls = check_messages.DRIVER_CALLS
        self.assertEqual(self.check(known, source, calls), [])
        self.assertNotEqual(self.check([], source, calls), [])

    def test_clauses_stand_in_lists(self):
        source = 'return C.refuse(CODE, {Name, N ? "has " + Name : "is none"});'
        known = [("has {0}", "{0}이(가) 있습니다"), ("is none", "없습니다")]
        calls = check_messages.IMPORTER_CALLS
        self.assertEqual(self.check(known, source, calls), [])
        self.assertNotEqual(self.check(known[:1], source, calls), [])

    def test_inference_joins_its_arguments(self):
        source = """
            #define INFER(WHAT) \\
              return refuse(Loc, "needs " WHAT ", got ", \\
                            Type);
            INFER("integers")
            """
        known = [("needs {0*}, got {1}", "{0*}가 필요한데 {1}입니다"), ("integers", "정수")]
        calls = check_messages.DIALECT_CALLS
        self.assertEqual(self.check(known, source, calls), [])
        self.assertNotEqual(self.check(known[1:], source, calls), [])

    def test_diagnostics_are_streamed(self):
        source = 'return Op.emitOpError("has ") << N << " names; " << "rename";'
        known = [("'{0}' op has {1} names; rename", "'{0}': 이름이 {1}개입니다")]
        calls = check_messages.COMPILER_CALLS
        self.assertEqual(self.check(known, source, calls), [])
        self.assertNotEqual(self.check([], source, calls), [])


if __name__ == "__main__":
    unittest.main()
