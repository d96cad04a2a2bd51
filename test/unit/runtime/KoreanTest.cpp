// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Texts in Korean, found by their English, and the C API that gives them.

#include "runtime/base/Korean.h"
#include "test/unit/runtime/TestPackages.h"
#include "test/unit/runtime/TestSupport.h"

#include <array>

using namespace dure;
using namespace dure::test;

namespace {

constexpr auto Texts = std::to_array<Translation>({
    {"'{0}' holds {1}, not {2}", "'{0}'은(는) {2}이어야 하는데 {1}입니다"},
    {"first:\n{0*}last", "처음:\n{0*}끝"},
    {"part {0}: {1*}", "부분 {0}: {1*}"},
    {"empty", "비었습니다"},
});

std::string korean(std::string_view Text) {
  return translate(Texts, Text).value_or("(none)");
}

} // namespace

// Tests that values keep their places when the order of words changes.
TEST(Korean, ValuesMove) {
  EXPECT_EQ(korean("'a b' holds 1, not 2"),
            "'a b'은(는) 2이어야 하는데 1입니다");
  EXPECT_EQ(korean("'' holds , not "), "''은(는) 이어야 하는데 입니다");
}

// Tests that only a text as a whole is known, and braces in values stand for
// themselves.
TEST(Korean, OtherTextsAreNotKnown) {
  EXPECT_EQ(korean("empty."), "(none)");
  EXPECT_EQ(korean("'a' holds 1"), "(none)");
  EXPECT_EQ(korean(""), "(none)");
  EXPECT_EQ(korean("part {1*}: x{0}"), "부분 {1*}: x{0}");
}

// Tests that a value that is a text is translated in turn, and kept when it is
// not known: a vendor's words.
TEST(Korean, TextsNest) {
  EXPECT_EQ(korean("part 1: part 2: empty"), "부분 1: 부분 2: 비었습니다");
  EXPECT_EQ(korean("part 1: whatever"), "부분 1: whatever");
  // The runtime's own are known in every catalogue.
  EXPECT_EQ(korean("part 1: Permission denied"), "부분 1: 권한이 없습니다");
}

// Tests that lines are translated one by one, inside of another text as well.
TEST(Korean, LinesAreTextsOfTheirOwn) {
  EXPECT_EQ(korean("part 1: empty\nother\nempty"),
            "부분 1: 비었습니다\nother\n비었습니다");
  EXPECT_EQ(korean("first:\npart 1: empty\nx\nlast"),
            "처음:\n부분 1: 비었습니다\nx\n끝");
}

// Tests that a name made to nest without end costs no stack.
TEST(Korean, NestingIsBounded) {
  std::string Deep;
  for (int I = 0; I < 100000; ++I)
    Deep += "part 1: ";
  EXPECT_EQ(korean(Deep + "empty").substr(0, 8), "부분 1");
  EXPECT_FALSE(inKorean(std::string(100000, '\'')).empty());
}

// Tests that every entry has both languages, with the same values.
TEST(Korean, EveryEntryHasBothLanguages) {
  for (const Translation &Each : runtimeTexts()) {
    EXPECT_FALSE(Each.English.empty());
    EXPECT_FALSE(Each.Korean.empty()) << Each.English;
    for (char C : Each.English)
      EXPECT_LT(static_cast<unsigned char>(C), 0x80u) << Each.English;
    for (char N = '0'; N <= '9'; ++N) {
      std::string Hole = {'{', N};
      if (Each.Korean.find(Hole) != std::string_view::npos) {
        EXPECT_NE(Each.English.find(Hole), std::string_view::npos)
            << Each.English;
      }
    }
  }
}

// Tests that a status gives its message in both languages, and in English when
// the language is none.
TEST(Korean, StatusesSpeakBoth) {
  dure_package *P = nullptr;
  dure_status *S = dure_package_load("/nowhere/x.dure", nullptr, &P);
  ASSERT_NE(S, nullptr);
  EXPECT_STREQ(dure_status_message_in(S, DURE_LANGUAGE_ENGLISH),
               dure_status_message(S));
  EXPECT_STREQ(dure_status_message_in(S, 99), dure_status_message(S));
  EXPECT_NE(std::string(dure_status_message_in(S, DURE_LANGUAGE_KOREAN))
                .find("'/nowhere/x.dure'을(를) 열 수 없습니다: 그런 파일이나 "
                      "폴더가 없습니다"),
            std::string::npos)
      << dure_status_message_in(S, DURE_LANGUAGE_KOREAN);
  dure_status_free(S);
  EXPECT_STREQ(dure_status_message_in(nullptr, DURE_LANGUAGE_KOREAN), "");
}

// Tests that why a variant was not taken is there in both languages.
TEST(Korean, RejectedVariantsAreExplained) {
  Package P = encoderPackage();
  P.Variants.push_back(P.Variants[0]);
  P.Variants[1].Name = "other";
  P.Variants[1].Driver = "nochip";
  Loaded Made;
  Made.Bytes = *writePackageToMemory(P);
  dure_load_options Trusting = {};
  Trusting.struct_size = sizeof(Trusting);
  Trusting.trust_code = 1;
  ASSERT_OK(Made.load(&Trusting));
  const std::string Driver = DURE_FAKE_DRIVER;
  const std::string Folder = Driver.substr(0, Driver.rfind('/'));
  dure_session_options Options = {};
  Options.struct_size = sizeof(Options);
  Options.driver_folder = Folder.c_str();
  dure_session *Opened = nullptr;
  ASSERT_OK(dure_session_create(Made.Package.get(), &Options, &Opened));
  Made.Session.reset(Opened);
  dure_session_info Info = {};
  Info.struct_size = sizeof(Info);
  ASSERT_OK(dure_session_get_info(Made.Session.get(), &Info));
  EXPECT_NE(std::string(Info.rejected).find("there is no driver 'nochip'"),
            std::string::npos)
      << Info.rejected;
  EXPECT_NE(std::string(Info.rejected_korean)
                .find("변형 'other': 드라이버 'nochip'이(가) 없습니다"),
            std::string::npos)
      << Info.rejected_korean;
}
