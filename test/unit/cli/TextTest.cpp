// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of JSON, tables, and messages.
#include "tools/dure/Console.h"
#include "tools/dure/Json.h"
#include "tools/dure/JsonText.h"
#include "tools/dure/Messages.h"
#include "tools/dure/Roof.h"
#include "tools/dure/Utf8.h"
#include "tools/io/File.h"

#include <cerrno>
#include <chrono>
#include <cmath>
#include <gtest/gtest.h>
#include <set>

namespace dure {
namespace {

TEST(Json, NestsAndEscapes) {
  JsonWriter Json;
  Json.beginObject()
      .member("a\"b", "line\n\x01 두레 \xff")
      .member("n", int64_t(-3))
      .member("x", 0.5)
      .member("nan", std::nan(""))
      .member("t", true);
  Json.key("list").beginArray().value(int64_t(1)).beginObject().end().end();
  Json.end();
  EXPECT_EQ(Json.text(), "{\n"
                         "  \"a\\\"b\": \"line\\n\\u0001 두레 \xEF\xBF\xBD\",\n"
                         "  \"n\": -3,\n"
                         "  \"x\": 0.5,\n"
                         "  \"nan\": null,\n"
                         "  \"t\": true,\n"
                         "  \"list\": [\n"
                         "    1,\n"
                         "    {}\n"
                         "  ]\n"
                         "}");
}

TEST(JsonText, RendersNestedParts) {
  EXPECT_EQ(renderJson(R"({"name": "x", "dims": [1, "n"],
                           "list": [{"a": 1, "b": {"c": 2}}, {"d": 3}]})"),
            "name: x\n"
            "dims: [1, n]\n"
            "list:\n"
            "  - a: 1\n"
            "    b:\n"
            "      c: 2\n"
            "  - d: 3\n");
  EXPECT_EQ(renderJson("{broken"), "{broken");
  // A program is no line; nor may a text of it steer the terminal.
  const std::string Long(60, 'a');
  EXPECT_EQ(
      renderJson("{\"block\": [\"" + Long + "\", \"" + Long + "\\u001b\"]}"),
      "block:\n  - " + Long + "\n  - " + Long + "\\x1b\n");
}

TEST(Utf8, FindsCharactersAndBadBytes) {
  EXPECT_EQ(firstCharacter("a").Code, uint32_t('a'));
  EXPECT_EQ(firstCharacter("두").Code, 0xB450u);
  EXPECT_EQ(firstCharacter("두").Bytes, 3u);
  // A lone lead byte, an overlong form, a surrogate.
  for (const char *Bad : {"\xEB", "\xC0\x80", "\xED\xA0\x80"}) {
    EXPECT_EQ(firstCharacter(Bad).Code, 0xFFFDu);
    EXPECT_EQ(firstCharacter(Bad).Bytes, 1u);
  }
  EXPECT_EQ(displayWidth("a두레"), 5u);
}

TEST(Utf8, MakesControlCharactersVisible) {
  // Escape, a C1 control, a broken byte; a newline where lines are not kept.
  EXPECT_EQ(escapeControls("a\x1b[31m두\xc2\x9b\xff\n", false),
            "a\\x1b[31m두\\xc2\\x9b\\xff\\x0a");
  EXPECT_EQ(escapeControls("a\nb\r", true), "a\nb\\x0d");
}

TEST(Utf8, EscapedJsonIsTheSameJson) {
  EXPECT_EQ(escapeJsonControls("{\"a\": \"\x7f두\xc2\x9b"
                               "31m\\n\"}\n"),
            "{\"a\": \"\\u007f두\\u009b31m\\n\"}\n");
}

TEST(Console, EscapesWhatFilesSay) {
  std::string Problems;
  const Console Out(Language::English, &Problems);
  Out.fail(Message::NotAFolder, {"x\ny\x1b]0;title\a"});
  EXPECT_EQ(Problems, "error: x\\x0ay\\x1b]0;title\\x07: there is no such "
                      "folder\n");
}

TEST(TextTable, AlignsByColumns) {
  TextTable Table;
  Table.row({"이름", "수", "판정"});
  Table.row({"a", "100", "x"});
  EXPECT_EQ(Table.text(), "이름   수  판정\n"
                          "a     100  x\n");
}

TEST(Formats, ChooseUnits) {
  EXPECT_EQ(formatSeconds(0.00125), "1.25 ms");
  EXPECT_EQ(formatSeconds(2), "2 s");
  EXPECT_EQ(formatBytes(1536), "1.5 KiB");
  EXPECT_EQ(formatBytes(12), "12 B");
}

/// {0}, {1}, ... in a text.
std::set<char> fields(const std::string &Text) {
  std::set<char> Found;
  for (size_t I = 0; I + 2 < Text.size(); ++I)
    if (Text[I] == '{' && Text[I + 2] == '}')
      Found.insert(Text[I + 1]);
  return Found;
}

TEST(Messages, LanguagesSayTheSame) {
  const struct {
    const char *Id, *English, *Korean;
  } All[] = {
#define DURE_MESSAGE(Id, English, Korean) {#Id, English, Korean},
#include "tools/dure/Messages.def"
#undef DURE_MESSAGE
#define DURE_IO_ERROR(Id, English, Korean) {#Id, English, Korean},
#include "tools/io/Errors.def"
#undef DURE_IO_ERROR
  };
  for (const auto &M : All) {
    EXPECT_EQ(fields(M.English), fields(M.Korean)) << M.Id;
    EXPECT_NE(M.English[0], '\0') << M.Id;
  }
}

TEST(Messages, FillsFieldsOnce) {
  const std::string Arguments[] = {"{1}", "b"};
  EXPECT_EQ(formatMessage("{0} {1} {2} {", Arguments), "{1} b {2} {");
}

TEST(Messages, SystemErrorsSpeakTheLanguage) {
  const io::Failure Why{io::ErrorId::CannotOpen, {"x"}, ENOENT};
  EXPECT_EQ(Why.text(Language::English),
            "x: cannot open: No such file or directory");
  EXPECT_EQ(Why.text(Language::Korean),
            "x: 열 수 없습니다: 그런 파일이나 폴더가 없습니다");
}

TEST(Roof, StopsWhenAsked) {
  const volatile int Stop = 1;
  const auto Start = std::chrono::steady_clock::now();
  probeRoof(1, 1000, &Stop);
  EXPECT_LT(std::chrono::steady_clock::now() - Start, std::chrono::seconds(60));
}

TEST(Roof, MeasuresEveryFigure) {
  const Roof R = probeRoof(1, 0.01);
  ASSERT_FALSE(R.Compute.empty());
  EXPECT_EQ(R.Compute[0].Type, "float32");
  for (const RoofEntry &E : R.Compute)
    EXPECT_GT(E.Gflops, 0) << E.Type;
  EXPECT_GT(R.ReadGbytes, 0);
  EXPECT_GE(availableThreads(), 1);
}

} // namespace
} // namespace dure
