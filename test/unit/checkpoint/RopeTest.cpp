// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Tests of rotary frequencies. Expected are those of transformers 5.23
// (modeling_rope_utils.py), printed with eight digits.
#include "frontends/checkpoint/Rope.h"

#include <gtest/gtest.h>

namespace dure::checkpoint {
namespace {

/// What a configuration of heads of 16 gives.
Rope ropeOf(const std::string &Text, RopeKeys Keys = {.HeadSize = 16}) {
  Refusals Problems;
  const std::optional<Json> Read = parseJson(Text, "file", {}, Problems);
  Config C(*Read, "file", Problems);
  Rope R = readRope(C, Keys);
  for (const Refusal &Each : Problems.list())
    ADD_FAILURE() << toString(Each);
  return R;
}

void expectFrequencies(const Rope &R, const std::vector<float> &Want) {
  ASSERT_EQ(R.Frequencies.size(), Want.size());
  for (size_t I = 0; I < Want.size(); ++I)
    EXPECT_NEAR(R.Frequencies[I], Want[I], 1e-6 * Want[I]) << I;
}

TEST(Rope, Default) {
  const std::vector<float> Want = {1.0,         0.31622776,   0.1,
                                   0.031622779, 0.0099999998, 0.0031622779,
                                   0.001,       0.00031622779};
  expectFrequencies(ropeOf(R"({"rope_theta":10000.0})"), Want);
  expectFrequencies(
      ropeOf(R"({"rope_parameters":{"rope_type":"default","rope_theta":1e4}})"),
      Want);
  EXPECT_EQ(ropeOf("{}").Factor, 1);
  expectFrequencies(ropeOf("{}"), Want);
}

TEST(Rope, Linear) {
  const std::vector<float> Want = {0.25,          0.079056941,  0.025,
                                   0.0079056947,  0.0024999999, 0.00079056947,
                                   0.00025000001, 7.9056947e-05};
  expectFrequencies(
      ropeOf(
          R"({"rope_theta":1e4,"rope_scaling":{"type":"linear","factor":4.0}})"),
      Want);
}

TEST(Rope, Llama3) {
  expectFrequencies(
      ropeOf(R"({"rope_theta":500000.0,"rope_scaling":{"rope_type":"llama3",
        "factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,
        "original_max_position_embeddings":8192}})"),
      {1.0, 0.19392276, 0.037606031, 0.0072926651, 0.00052484602, 3.4281024e-05,
       6.6478697e-06, 1.2891732e-06});
}

TEST(Rope, YarnWithMscale) {
  const Rope R = ropeOf(R"({"rope_parameters":{"rope_type":"yarn",
    "rope_theta":10000.0,"factor":40.0,"beta_fast":32.0,"beta_slow":1.0,
    "mscale":1.0,"mscale_all_dim":0.8,
    "original_max_position_embeddings":4096}})");
  expectFrequencies(R, {1.0, 0.31622776, 0.1, 0.023914725, 0.0051249997,
                        0.00084986218, 2.4999999e-05, 7.9056945e-06});
  EXPECT_NEAR(R.Factor, 1.0569662567531275, 1e-9);
  // (0.1 * 0.8 * ln 40 + 1)^2
  EXPECT_NEAR(R.ScoreFactor, 1.6773108, 1e-6);
}

TEST(Rope, YarnOfThePaper) {
  const Rope R = ropeOf(R"({"rope_theta":1e4,"rope_scaling":{
    "rope_type":"yarn","factor":4.0,
    "original_max_position_embeddings":32768}})");
  expectFrequencies(R, {1.0, 0.31622776, 0.1, 0.031622779, 0.0099999998,
                        0.0025693509, 0.00062500004, 0.00013834966});
  EXPECT_NEAR(R.Factor, 1.138629436111989, 1e-9);
  EXPECT_EQ(R.ScoreFactor, 1);
}

TEST(Rope, YarnNotTruncated) {
  const Rope R = ropeOf(R"({"rope_parameters":{"rope_type":"yarn",
    "rope_theta":150000.0,"factor":32.0,"truncate":false,
    "attention_factor":1.25,"original_max_position_embeddings":4096}})");
  expectFrequencies(R, {1.0, 0.225418, 0.050813273, 0.0067949593, 0.00045648392,
                        1.8188337e-05, 4.0999785e-06, 9.2420896e-07});
  EXPECT_EQ(R.Factor, 1.25);
}

TEST(Rope, Partial) {
  const std::vector<float> Want = {0.5, 0.050000001, 0.0049999999,
                                   0.00050000002};
  expectFrequencies(ropeOf(R"({"rope_parameters":{"rope_type":"linear",
    "rope_theta":1e4,"factor":2.0,"partial_rotary_factor":0.5}})"),
                    Want);
  expectFrequencies(ropeOf(R"({"rope_theta":1e4,"partial_rotary_factor":0.5,
    "rope_scaling":{"type":"linear","factor":2.0}})"),
                    Want);
}

// Tests that each kind of layer may have its own, under either name.
TEST(Rope, ByKindOfLayer) {
  const RopeKeys Local = {.HeadSize = 4,
                          .LayerType = "sliding_attention",
                          .ThetaKey = "rope_local_base_freq",
                          .IsScaled = false};
  const RopeKeys Global = {.HeadSize = 4, .LayerType = "full_attention"};
  for (const char *Text : {R"({"rope_theta":1e6,"rope_local_base_freq":1e4,
            "rope_scaling":{"rope_type":"linear","factor":8.0}})",
                           R"({"rope_parameters":{
            "sliding_attention":{"rope_type":"default","rope_theta":1e4},
            "full_attention":{"rope_type":"linear","rope_theta":1e6,
                              "factor":8.0}}})"}) {
    expectFrequencies(ropeOf(Text, Local), {1.0, 0.01});
    expectFrequencies(ropeOf(Text, Global), {0.125, 0.000125});
  }
}

} // namespace
} // namespace dure::checkpoint
