// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The sampler against transformers (sampler_reference.py), and its draws.
#include "runtime/llm/Sampler.h"
#include "runtime/llm/Random.h"

#include <cmath>
#include <fstream>
#include <gtest/gtest.h>
#include <limits>
#include <map>
#include <set>
#include <sstream>

using namespace dure;

namespace {

constexpr float Infinity = std::numeric_limits<float>::infinity();

struct Reference {
  SamplingOptions Options;
  std::vector<int64_t> Prompt, Answer;
  std::vector<float> Logits;
  std::map<int64_t, double> Left;
  std::string Name;
};

void setOption(SamplingOptions &To, const std::string &Name, double Value) {
  const std::map<std::string, double SamplingOptions::*> Numbers = {
      {"temperature", &SamplingOptions::Temperature},
      {"top_p", &SamplingOptions::TopP},
      {"min_p", &SamplingOptions::MinP},
      {"repetition_penalty", &SamplingOptions::RepetitionPenalty},
      {"presence_penalty", &SamplingOptions::PresencePenalty},
      {"frequency_penalty", &SamplingOptions::FrequencyPenalty}};
  if (Name == "top_k")
    To.TopK = static_cast<int64_t>(Value);
  else
    To.*Numbers.at(Name) = Value;
}

std::vector<Reference> readReferences() {
  std::ifstream File(DURE_SOURCE_DIR "/test/unit/llm/sampler_reference.txt");
  std::vector<Reference> Out;
  std::string Lines[5];
  std::getline(File, Lines[0]); // the license
  while (true) {
    for (std::string &Line : Lines)
      if (!std::getline(File, Line))
        return Out;
    Reference R;
    R.Name = Lines[0];
    std::string Word;
    for (std::istringstream In(Lines[0]); In >> Word;) {
      const size_t Equals = Word.find('=');
      setOption(R.Options, Word.substr(0, Equals),
                std::stod(Word.substr(Equals + 1)));
    }
    int64_t Token = 0;
    for (std::istringstream In(Lines[1]); In >> Token;)
      R.Prompt.push_back(Token);
    for (std::istringstream In(Lines[2]); In >> Token;)
      R.Answer.push_back(Token);
    for (std::istringstream In(Lines[3]); In >> Word;)
      R.Logits.push_back(std::stof(Word));
    for (std::istringstream In(Lines[4]); In >> Word;)
      R.Left[std::stoll(Word)] = std::stod(Word.substr(Word.find(':') + 1));
    Out.push_back(std::move(R));
  }
}

std::vector<Candidate> candidatesOf(Sampler &From,
                                    const std::vector<float> &Logits) {
  Result<std::vector<Candidate>> Left = From.candidates(Logits);
  EXPECT_TRUE(Left.ok()) << Left.status().message();
  return Left ? *Left : std::vector<Candidate>();
}

} // namespace

// Tests that the same tokens are left as in transformers, as probable.
TEST(Sampler, AgreesWithTransformers) {
  const std::vector<Reference> All = readReferences();
  ASSERT_EQ(All.size(), 40u);
  for (const Reference &R : All) {
    Sampler S(R.Options);
    S.addPrompt(R.Prompt);
    for (int64_t Token : R.Answer)
      S.addAnswer(Token);
    std::map<int64_t, double> Left;
    for (const Candidate &Each : candidatesOf(S, R.Logits))
      Left[Each.Token] = Each.Probability;
    ASSERT_EQ(Left.size(), R.Left.size()) << R.Name;
    for (const auto &[Token, Probability] : R.Left) {
      ASSERT_TRUE(Left.contains(Token)) << R.Name << ": " << Token;
      EXPECT_NEAR(Left[Token], Probability, 2e-6) << R.Name << ": " << Token;
    }
  }
}

// Tests that temperature 0 takes the largest logit after the penalties, and of
// equals the smaller id.
TEST(Sampler, GreedyTakesTheLargest) {
  SamplingOptions Options;
  Options.TopK = 3; // nothing to filter
  Sampler S(Options);
  EXPECT_EQ(*S.sample(std::vector<float>{1, 5, 5, -1}, 0), 1);
  Options.RepetitionPenalty = 2;
  Sampler Penalized(Options);
  Penalized.addPrompt(std::vector<int64_t>{1, -4, 1000000});
  EXPECT_EQ(*Penalized.sample(std::vector<float>{1, 5, 3, -1}, 0), 2);
}

// Tests that a draw depends on seed and position alone: not on what the sampler
// did before.
TEST(Sampler, DrawsDependOnSeedAndPosition) {
  SamplingOptions Options;
  Options.Temperature = 1;
  Options.Seed = 42;
  std::vector<float> Logits(1000);
  for (size_t I = 0; I != Logits.size(); ++I)
    Logits[I] = static_cast<float>(std::sin(double(I)));
  Sampler One(Options), Other(Options);
  std::vector<int64_t> Forward, Backward;
  for (uint64_t I = 0; I != 50; ++I) {
    Forward.push_back(*One.sample(Logits, I));
    Backward.push_back(*Other.sample(Logits, 49 - I));
  }
  EXPECT_EQ(Forward, std::vector<int64_t>(Backward.rbegin(), Backward.rend()));
  EXPECT_GT(std::set<int64_t>(Forward.begin(), Forward.end()).size(), 30u);
  Options.Seed = 43;
  Sampler Third(Options);
  EXPECT_NE(*Third.sample(Logits, 0), Forward[0]);
}

// Tests that tokens are drawn as often as they are probable.
TEST(Sampler, DrawsFollowTheProbabilities) {
  SamplingOptions Options;
  Options.Temperature = 1;
  Sampler S(Options);
  const std::vector<float> Logits = {std::log(0.5f), std::log(0.3f), -Infinity,
                                     std::log(0.2f)};
  std::vector<int> Count(4);
  constexpr int Draws = 20000;
  for (uint64_t I = 0; I != Draws; ++I)
    ++Count[static_cast<size_t>(*S.sample(Logits, I))];
  EXPECT_EQ(Count[2], 0);
  // Five standard deviations are 350 at most.
  EXPECT_NEAR(Count[0], Draws * 0.5, 360);
  EXPECT_NEAR(Count[1], Draws * 0.3, 360);
  EXPECT_NEAR(Count[3], Draws * 0.2, 360);
}

// Tests Philox against the known answers of its authors (Random123,
// kat_vectors).
TEST(Sampler, PhiloxKnownAnswers) {
  using Four = std::array<uint32_t, 4>;
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}),
            (Four{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}),
            (Four{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                   {0xa4093822, 0x299f31d0}),
            (Four{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

// Tests that logits which are no numbers are refused, not drawn from.
TEST(Sampler, RefusesWhatIsNoNumber) {
  SamplingOptions Options;
  Sampler S(Options);
  EXPECT_EQ(S.sample(std::vector<float>{1, NAN}, 0).status().code(),
            StatusCode::Internal);
  EXPECT_EQ(
      S.sample(std::vector<float>{-Infinity, -Infinity}, 0).status().code(),
      StatusCode::Internal);
  EXPECT_EQ(S.sample(std::vector<float>{1, Infinity}, 0).status().code(),
            StatusCode::Internal);
  EXPECT_FALSE(S.sample({}, 0).ok());
}

// Tests that a temperature as low as is admitted, and logits as far apart as
// float32 has them, give the most probable token.
TEST(Sampler, ExtremesStayFinite) {
  SamplingOptions Options;
  Options.Temperature = 1e-6;
  ASSERT_TRUE(checkSampling(Options).ok());
  Sampler S(Options);
  const std::vector<Candidate> Left =
      candidatesOf(S, {3e38f, -3e38f, 2.9e38f, 1});
  ASSERT_EQ(Left.size(), 1u);
  EXPECT_EQ(Left[0].Token, 0);
  EXPECT_EQ(Left[0].Probability, 1);
}

// Tests that options out of range are refused by name.
TEST(Sampler, OptionsAreChecked) {
  for (const auto &[Name, Value] :
       std::multimap<std::string, double>{{"temperature", -1},
                                          {"temperature", NAN},
                                          {"temperature", 1e-9},
                                          {"top_p", 1.5},
                                          {"top_k", -1},
                                          {"min_p", -0.1},
                                          {"repetition_penalty", 0},
                                          {"presence_penalty", 1e9},
                                          {"frequency_penalty", NAN}}) {
    SamplingOptions Options;
    setOption(Options, Name, Value);
    const Status Checked = checkSampling(Options);
    EXPECT_EQ(Checked.code(), StatusCode::InvalidArgument) << Name;
    std::string Word = Name.substr(0, Name.find('_'));
    EXPECT_NE(Checked.message().find(Word), std::string::npos)
        << Checked.message();
  }
}

// Tests log-probabilities against logarithms of a softmax in double.
TEST(Sampler, LogProbs) {
  const std::vector<float> Logits = {1, 4, -2, 4, 0.5};
  double Sum = 0;
  for (float Logit : Logits)
    Sum += std::exp(double(Logit));
  const TokenLogProbs Got = logProbsOf(Logits, 2, 3);
  EXPECT_NEAR(Got.Chosen, -2 - std::log(Sum), 1e-12);
  ASSERT_EQ(Got.Top.size(), 3u);
  EXPECT_EQ(Got.Top[0].first, 1);
  EXPECT_EQ(Got.Top[1].first, 3);
  EXPECT_EQ(Got.Top[2].first, 0);
  EXPECT_NEAR(Got.Top[1].second, 4 - std::log(Sum), 1e-12);
  EXPECT_EQ(logProbsOf(Logits, 0, 100).Top.size(), 5u);
}
