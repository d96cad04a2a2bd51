// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The two kinds of JSON that the runners read.
//
// Included by the runners of test/onnx and test/models. nlohmann-json, which
// throws, stays in Json.cpp.
#ifndef DURE_TEST_ONNX_JSON_H
#define DURE_TEST_ONNX_JSON_H

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dure::modeltest {

/// What a compile report says that tests need. See dure_compiler_result.
struct CompileReport {
  struct Refusal {
    std::string Code, Op, Domain, Reason;
  };
  std::vector<Refusal> Refusals;
  /// Device functions of all targets.
  int64_t Functions = 0;
};
/// What is missing stays empty.
CompileReport parseCompileReport(std::string_view Json);

/// Which part of an output may be compared: along `Axis`, one half-open range
/// for each row of axis 0.
struct ValidPart {
  int64_t Axis;
  std::vector<std::pair<int64_t, int64_t>> Ranges;
};

/// One entry of cases.json; test/models/README.md describes the file.
struct Case {
  /// Folder with the data.
  std::string Set;
  std::string Name;
  /// By output name.
  std::map<std::string, ValidPart> Valid;
  /// Absolute and relative, for floats: the bound that the case declares, when
  /// it is not that of all models.
  std::optional<double> Tolerance;
};
std::optional<std::vector<Case>> readCases(const std::string &Path,
                                           std::string &Problem);

} // namespace dure::modeltest

#endif // DURE_TEST_ONNX_JSON_H
