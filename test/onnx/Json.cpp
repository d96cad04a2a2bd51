// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reading JSON. Built with exceptions, none of which leaves this file.
#include "test/onnx/Json.h"

#include <exception>
#include <fstream>
#include <nlohmann/json.hpp>

namespace dure::modeltest {

using nlohmann::json;

CompileReport parseCompileReport(std::string_view Json) {
  CompileReport Report;
  const json Root = json::parse(Json, nullptr, /*allow_exceptions=*/false);
  if (!Root.is_object())
    return Report;
  try {
    for (const json &Each : Root.value("refusals", json::array()))
      Report.Refusals.push_back({Each.value("code", ""), Each.value("op", ""),
                                 Each.value("domain", ""),
                                 Each.value("reason", "")});
    for (const json &Each : Root.value("targets", json::array()))
      Report.Functions += Each.value("functions", int64_t(0));
  } catch (const std::exception &) {
    // A member of another type than the header says; the rest is absent.
  }
  return Report;
}

std::optional<std::vector<Case>> readCases(const std::string &Path,
                                           std::string &Problem) {
  std::ifstream File(Path);
  if (!File) {
    Problem = Path + ": cannot be read";
    return std::nullopt;
  }
  std::vector<Case> Cases;
  try {
    const json Root = json::parse(File);
    for (const json &Each : Root.at("cases")) {
      Case &C = Cases.emplace_back();
      C.Set = Each.at("set").get<std::string>();
      C.Name = Each.at("name").get<std::string>();
      if (Each.contains("tolerance"))
        C.Tolerance = Each.at("tolerance").get<double>();
      const json Valid = Each.value("valid", json::object());
      for (const auto &[Output, Part] : Valid.items())
        C.Valid[Output] = {
            Part.at("axis").get<int64_t>(),
            Part.at("ranges").get<std::vector<std::pair<int64_t, int64_t>>>()};
    }
  } catch (const std::exception &Error) {
    Problem = Path + ": " + Error.what();
    return std::nullopt;
  }
  return Cases;
}

} // namespace dure::modeltest
