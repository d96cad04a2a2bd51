// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Machine descriptions: what is accepted, what is refused, and the file of
// RNGD.
#include "test/unit/rngd/RngdFile.h"

#include "gtest/gtest.h"

using namespace dure;

/// A description with one figure, given as JSON.
static std::string with(const std::string &Figure) {
  return R"({"name": "m", "vendor": "v", "description": "d",
             "sources": {"s": {"title": "t", "version": "1"}},
             "figures": {"a": {"b": )" +
         Figure + "}}}";
}

static std::string problem(const std::string &Text) {
  Result<Machine> Read = Machine::parse(Text, "m.json");
  return Read ? "" : Read.status().message();
}

TEST(Machine, ReadsNumbersWordsListsAndUnknowns) {
  const char *Rest =
      R"(, "unit": "u", "grade": "vendor", "source": "s", "place": "p"})";
  auto Read = [&](const std::string &Value) {
    return Machine::parse(with("{\"value\": " + Value + Rest), "m.json");
  };
  Result<Machine> Number = Read("2.5");
  ASSERT_TRUE(Number.ok()) << Number.status().message();
  EXPECT_EQ(*Number->number("a.b"), 2.5);
  EXPECT_EQ(Number->count("a.b").status().message(),
            "machine 'm': a.b is no count");
  EXPECT_EQ(Number->number("a.c").status().message(),
            "machine 'm': a.c is not in its description");
  EXPECT_EQ(*Number->find("a.b")->HowKnown, Grade::Vendor);
  EXPECT_EQ(*Read("7")->count("a.b"), 7);
  EXPECT_EQ(Read("\"w\"")->find("a.b")->Word, "w");
  EXPECT_EQ(Read("[1, 2]")->find("a.b")->Numbers, (std::vector<double>{1, 2}));
  EXPECT_EQ(Read("[\"x\"]")->find("a.b")->Words, std::vector<std::string>{"x"});

  Result<Machine> Unknown =
      Machine::parse(with(R"({"value": null, "unit": "u"})"), "m.json");
  ASSERT_TRUE(Unknown.ok()) << Unknown.status().message();
  EXPECT_FALSE(Unknown->find("a.b")->isKnown());
  EXPECT_EQ(Unknown->number("a.b").status().message(),
            "machine 'm': a.b is not public");
}

TEST(Machine, RefusesWhatTheSchemaDoes) {
  EXPECT_EQ(problem("{"), "machine file m.json: it is not JSON");
  EXPECT_EQ(problem("[]"), "machine file m.json: the file is no object");
  EXPECT_EQ(problem("{}"), "machine file m.json: the file lacks 'name'");
  const char *Wrong[][2] = {
      {R"({"unit": "u"})", "figure 'a.b' lacks 'value'"},
      {R"({"value": 1, "unit": "u"})", "figure 'a.b' lacks 'grade'"},
      {R"({"value": null, "unit": "u", "source": "s"})",
       "figure 'a.b' has the unknown field 'source'"},
      {R"({"value": 1, "unit": "u", "grade": "guess", "source": "s",
           "place": "p"})",
       "unknown grade 'guess'"},
      {R"({"value": 1, "unit": "u", "grade": "log", "source": "x",
           "place": "p"})",
       "names the source 'x', which is not listed"},
      {R"({"value": 1, "unit": "", "grade": "log", "source": "s",
           "place": "p"})",
       "'unit' is no text"},
      {R"({"value": true, "unit": "u", "grade": "log", "source": "s",
           "place": "p"})",
       "no number, word or list"},
      {R"({"value": [1, "x"], "unit": "u", "grade": "log", "source": "s",
           "place": "p"})",
       "list of numbers and words"},
      {R"({"value": [], "unit": "u", "grade": "log", "source": "s",
           "place": "p"})",
       "no number, word or list"}};
  for (auto &[Figure, Text] : Wrong)
    EXPECT_NE(problem(with(Figure)).find(Text), std::string::npos)
        << Figure << ": " << problem(with(Figure));
}

TEST(Machine, DescribesRngd) {
  Result<Machine> Rngd = Machine::parse(rngd::rngdText(), "rngd.json");
  ASSERT_TRUE(Rngd.ok()) << Rngd.status().message();
  EXPECT_EQ(Rngd->Name, "rngd");
  EXPECT_GT(Rngd->figures().size(), 80u);
  auto Count = [&](const char *Key) { return *Rngd->count(Key); };

  // Figures that others follow from agree with them.
  int64_t Slices = Count("organization.clusters_per_chip") *
                   Count("organization.slices_per_cluster");
  EXPECT_EQ(Count("organization.slices_per_dmn") *
                Count("organization.dmns_per_cluster"),
            Count("organization.slices_per_cluster"));
  EXPECT_EQ(Count("data_memory.banks") * Count("data_memory.rows") *
                Count("data_memory.row_bytes"),
            Count("data_memory.bytes_per_slice"));
  EXPECT_EQ(Count("data_memory.banks") * Count("data_memory.row_bytes"),
            Count("data_memory.bytes_per_cycle"));
  // The peaks that the vendor states are rounded down from these.
  double Peak =
      2.0 * Count("peak.bf16_macs_per_cycle") * *Rngd->number("clock.hertz");
  EXPECT_EQ(Count("peak.bf16_macs_per_cycle"),
            Slices * Count("organization.lanes_per_slice") * 32);
  EXPECT_NEAR(Peak, *Rngd->number("peak.bf16_flops"), 0.03 * Peak);
  EXPECT_EQ(Count("hbm.channels") * Count("hbm.slices_per_channel") *
                Count("hbm.bank_groups") * Count("hbm.banks_per_group") *
                Count("hbm.rows") * Count("hbm.row_bytes"),
            Count("hbm.bytes"));
  EXPECT_EQ(Count("organization.clusters_per_chip") *
                Count("organization.pes_per_cluster"),
            Count("dma.engines"));
  double Hbm = *Rngd->number("hbm.channel_bytes_per_cycle") *
               *Rngd->number("hbm.channel_hertz") * Count("hbm.channels");
  EXPECT_NEAR(Hbm, *Rngd->number("hbm.bytes_per_second"), 0.03 * Hbm);
}
