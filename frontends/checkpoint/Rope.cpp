// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Frequencies of rotary embeddings. Powers are taken in f32, as the models were
// trained with them.

#include "frontends/checkpoint/Rope.h"

#include <algorithm>
#include <cmath>

namespace dure::checkpoint {
namespace {

constexpr double Pi = 3.14159265358979323846;

/// No head is wider.
constexpr int64_t MaxRotaryWidth = 65536;

/// 1 / theta^(2i / width), in f32.
std::vector<float> plainFrequencies(double Theta, int64_t Width) {
  std::vector<float> Out;
  for (int64_t I = 0; I < Width; I += 2)
    Out.push_back(1.0f / std::pow(float(Theta), float(I) / float(Width)));
  return Out;
}

/// A divisor a pair. Files that have one list have it twice; where the lists
/// differ, the longer contexts would turn otherwise than the shorter ones.
void scaleByFactors(Config &S, std::vector<float> &Frequencies) {
  const std::vector<double> Short = S.numbers("short_factor"),
                            Long = S.numbers("long_factor");
  S.ignore({"factor", "original_max_position_embeddings"});
  if (Short != Long || Short.size() != Frequencies.size())
    return S.refuseValue("long_factor");
  for (size_t I = 0; I < Short.size(); ++I) {
    if (!(Short[I] > 0))
      return S.refuseValue("short_factor");
    Frequencies[I] /= float(Short[I]);
  }
}

/// Long waves slow down, short ones stay, what is between is mixed.
void scaleAsLlama3(Config &S, std::vector<float> &Frequencies) {
  const double Factor = S.number("factor"), Low = S.number("low_freq_factor"),
               High = S.number("high_freq_factor"),
               Old = double(S.count("original_max_position_embeddings"));
  if (!(Factor > 0 && Low > 0 && High > Low))
    return S.refuseValue("factor");
  for (float &F : Frequencies) {
    const double Wave = 2 * Pi / F;
    if (Wave < Old / High)
      continue;
    if (Wave > Old / Low) {
      F = float(F / Factor);
      continue;
    }
    const double Smooth = (Old / Wave - Low) / (High - Low);
    F = float((1 - Smooth) * F / Factor + Smooth * F);
  }
}

/// YaRN's growth of the scores' temperature with the context.
double mscaleOf(double Scale, double Weight) {
  return Scale <= 1 ? 1 : 0.1 * Weight * std::log(Scale) + 1;
}

/// Which pair turns `Turns` times over the old context.
double pairOfTurns(double Turns, double Width, double Theta, double Old) {
  return Width * std::log(Old / (Turns * 2 * Pi)) / (2 * std::log(Theta));
}

void scaleAsYarn(Config &S, double Theta, int64_t Width, double MaxPositions,
                 Rope &R) {
  const double Old = double(S.count("original_max_position_embeddings"));
  const double Factor = S.number("factor", MaxPositions / Old);
  const double Mscale = S.number("mscale", 0.0),
               MscaleAll = S.number("mscale_all_dim", 0.0);
  // Zero asks for the usual, as absence does.
  double Fast = S.number("beta_fast", 32.0), Slow = S.number("beta_slow", 1.0);
  Fast = Fast == 0 ? 32 : Fast;
  Slow = Slow == 0 ? 1 : Slow;
  if (!(Factor > 0 && Theta > 1 && Fast > 0 && Slow > 0))
    return S.refuseValue("factor");
  R.Factor = S.number("attention_factor", Mscale != 0 && MscaleAll != 0
                                              ? mscaleOf(Factor, Mscale) /
                                                    mscaleOf(Factor, MscaleAll)
                                              : mscaleOf(Factor, 1));
  if (MscaleAll != 0)
    R.ScoreFactor = std::pow(mscaleOf(Factor, MscaleAll), 2);
  double Low = pairOfTurns(Fast, double(Width), Theta, Old),
         High = pairOfTurns(Slow, double(Width), Theta, Old);
  if (S.flag("truncate", true)) {
    Low = std::floor(Low);
    High = std::ceil(High);
  }
  Low = std::max(Low, 0.0);
  High = std::min(High, double(Width - 1));
  if (Low == High)
    High += 0.001;
  for (size_t I = 0; I < R.Frequencies.size(); ++I) {
    const float Ramp =
        float(std::clamp((double(I) - Low) / (High - Low), 0.0, 1.0));
    const float Plain = R.Frequencies[I];
    R.Frequencies[I] = float(Plain / Factor) * Ramp + Plain * (1.0f - Ramp);
  }
}

/// The object that says it, whatever it is called; null for none.
const Json *findScaling(Config &C, const RopeKeys &Keys) {
  if (const Json *New = C.get("rope_parameters")) {
    if (Keys.LayerType.empty() || !New->find(Keys.LayerType))
      return New;
    return New->find(Keys.LayerType);
  }
  const Json *Old = C.get("rope_scaling");
  return Keys.IsScaled ? Old : nullptr;
}

} // namespace

Rope readRope(Config &C, const RopeKeys &Keys) {
  Rope R;
  static const Json Nothing{Json::Object()};
  const Json *Scaling = findScaling(C, Keys);
  Config S(Scaling ? *Scaling : Nothing, C.place() + ": rope", C.problems());
  const double Theta =
      S.number("rope_theta", C.number(Keys.ThetaKey, Keys.DefaultTheta));
  const double Partial =
      S.number("partial_rotary_factor",
               C.number("partial_rotary_factor", Keys.DefaultPartial));
  const double MaxPositions = C.number("max_position_embeddings", 2048.0);
  const int64_t Width = int64_t(double(Keys.HeadSize) * Partial);
  if (!(Theta > 0) || !(Partial > 0 && Partial <= 1) || Width < 2 ||
      Width % 2 || Width > MaxRotaryWidth) {
    C.refuseValue(Keys.ThetaKey);
    return R;
  }
  R.Frequencies = plainFrequencies(Theta, Width);
  const std::string Type = S.text("rope_type", S.text("type", "default"));
  R.Scaling = Type;
  if (Type == "linear") {
    const double Factor = S.number("factor");
    for (float &F : R.Frequencies)
      F = float(F / Factor);
  } else if (Type == "llama3") {
    scaleAsLlama3(S, R.Frequencies);
  } else if (Type == "longrope") {
    scaleByFactors(S, R.Frequencies);
    R.Factor = S.number("attention_factor");
  } else if (Type == "yarn") {
    scaleAsYarn(S, Theta, Width, MaxPositions, R);
  } else if (Type != "default") {
    S.refuseValue("rope_type");
  }
  S.finish();
  return R;
}

} // namespace dure::checkpoint
