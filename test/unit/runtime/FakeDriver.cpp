// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// A driver for tests: its kernels are the C++ functions below, by name.
//
// Code objects are the text "fake". Compatibility "fake:<score>" sets the score
// of a variant; anything else is not supported.
#include "runtime/drivers/support/HostDriver.h"
#include "test/unit/runtime/TransformerKernels.h"

#include <chrono>
#include <cstring>
#include <string>
#include <thread>

using namespace dure::driver;

namespace {

struct Arguments {
  void *const *Bindings;
  const int64_t *Constants;

  template <typename T> T *at(size_t I) const {
    return static_cast<T *>(Bindings[I]);
  }
};

/// out[i] = table[ids[i]]: ids [n], table [V, h], out [n, h]; constants n, h.
void gather(const Arguments &A) {
  int64_t N = A.Constants[0], H = A.Constants[1];
  for (int64_t I = 0; I != N; ++I)
    std::memcpy(A.at<float>(2) + I * H,
                A.at<const float>(1) + A.at<const int64_t>(0)[I] * H,
                static_cast<size_t>(H) * 4);
}

/// y = x w with w in panels of 4: x [m, k], w [ceil(n/4), k, 4], y [m, n].
void matmulPanels(const Arguments &A) {
  int64_t M = A.Constants[0], K = A.Constants[1], N = A.Constants[2];
  for (int64_t I = 0; I != M; ++I)
    for (int64_t J = 0; J != N; ++J) {
      float Sum = 0;
      for (int64_t P = 0; P != K; ++P)
        Sum += A.at<const float>(0)[I * K + P] *
               A.at<const float>(1)[(J / 4 * K + P) * 4 + J % 4];
      A.at<float>(2)[I * N + J] = Sum;
    }
}

/// Mean over the rows whose mask is 1: x [b, s, n], mask [b, s], out [b, n].
void maskedMean(const Arguments &A) {
  int64_t B = A.Constants[0], S = A.Constants[1], N = A.Constants[2];
  for (int64_t I = 0; I != B; ++I)
    for (int64_t J = 0; J != N; ++J) {
      float Sum = 0, Count = 0;
      for (int64_t T = 0; T != S; ++T)
        if (A.at<const int64_t>(1)[I * S + T] != 0) {
          Sum += A.at<const float>(0)[(I * S + T) * N + J];
          Count += 1;
        }
      A.at<float>(2)[I * N + J] = Count == 0 ? 0 : Sum / Count;
    }
}

/// Writes x [b, s, h] behind the first lengths[b] rows of cache [b, cap, h].
void cacheAppend(const Arguments &A) {
  int64_t B = A.Constants[0], S = A.Constants[1], H = A.Constants[2];
  int64_t Capacity = A.Constants[3];
  for (int64_t I = 0; I != B; ++I)
    std::memcpy(A.at<float>(2) + (I * Capacity + A.at<const int64_t>(1)[I]) * H,
                A.at<const float>(0) + I * S * H,
                static_cast<size_t>(S * H) * 4);
}

/// out[b, t] = mean of cache rows [0, lengths[b] + t].
void cacheMean(const Arguments &A) {
  int64_t B = A.Constants[0], S = A.Constants[1], H = A.Constants[2];
  int64_t Capacity = A.Constants[3];
  for (int64_t I = 0; I != B; ++I)
    for (int64_t T = 0; T != S; ++T)
      for (int64_t J = 0; J != H; ++J) {
        int64_t Last = A.at<const int64_t>(1)[I] + T;
        float Sum = 0;
        for (int64_t P = 0; P <= Last; ++P)
          Sum += A.at<const float>(0)[(I * Capacity + P) * H + J];
        A.at<float>(2)[(I * S + T) * H + J] =
            Sum / static_cast<float>(Last + 1);
      }
}

/// A layer compiled for ROWS x 4 only: y = x + row sum of x.
template <int64_t Rows> void staticLayer(const Arguments &A) {
  for (int64_t I = 0; I != Rows; ++I) {
    const float *X = A.at<const float>(0) + I * 4;
    float Sum = X[0] + X[1] + X[2] + X[3];
    for (int64_t J = 0; J != 4; ++J)
      A.at<float>(1)[I * 4 + J] = X[J] + Sum;
  }
}

/// Indices of the non-zero elements of x [n], and how many.
void nonZero(const Arguments &A) {
  int64_t Count = 0;
  for (int64_t I = 0; I != A.Constants[0]; ++I)
    if (A.at<const float>(0)[I] != 0)
      A.at<int64_t>(1)[Count++] = I;
  A.at<int64_t>(2)[0] = Count;
}

/// x [n] += 1 in place.
void increment(const Arguments &A) {
  for (int64_t I = 0; I != A.Constants[0]; ++I)
    A.at<float>(0)[I] += 1;
}

/// Takes constants[0] milliseconds.
void pause(const Arguments &A) {
  std::this_thread::sleep_for(std::chrono::milliseconds(A.Constants[0]));
}

struct Kernel {
  const char *Name;
  void (*Function)(const Arguments &); // null: faults
};

constexpr Kernel Kernels[] = {
    {"gather", gather},          {"matmul_panels", matmulPanels},
    {"masked_mean", maskedMean}, {"cache_append", cacheAppend},
    {"cache_mean", cacheMean},   {"layer_4", staticLayer<4>},
    {"layer_8", staticLayer<8>}, {"non_zero", nonZero},
    {"increment", increment},    {"pause", pause},
    {"fault", nullptr},
};

/// Those of TransformerKernels.cpp come behind the ones of this file.
const dure::test::TransformerKernel &further(uint32_t Entry) {
  return dure::test::transformerKernels()[Entry - std::size(Kernels)];
}

class FakeExecutable final : public Executable {
public:
  uint32_t entryCount() const override {
    return static_cast<uint32_t>(std::size(Kernels) +
                                 dure::test::transformerKernels().size());
  }
  const char *entryName(uint32_t Entry) const override {
    return Entry < std::size(Kernels) ? Kernels[Entry].Name
                                      : further(Entry).Name;
  }
  uint64_t workspaceBytes(uint32_t) const override { return 0; }
};

class FakeExecutor final : public SerialExecutor {
public:
  using SerialExecutor::SerialExecutor;

private:
  Status dispatch(Work &W, const Op &O) override {
    Arguments A{W.Bindings.data() + O.FirstBinding,
                W.Constants.data() + O.FirstConstant};
    uint64_t Begin = H.now();
    if (W.WantsSimulated) {
      W.Model = "fake, profile test";
      W.Said.push_back(
          {DURE_DRV_SIMULATED_SPAN, "lane", "work", 1000, 3000, 0, 0});
      W.Said.push_back(
          {DURE_DRV_SIMULATED_COUNTER, "makespan", "ns", 0, 0, 2000, 0});
    }
    if (O.Entry >= std::size(Kernels)) {
      further(O.Entry).Function(A.Bindings, A.Constants);
      H.trace(further(O.Entry).Name, Begin, H.now());
      return nullptr;
    }
    if (!Kernels[O.Entry].Function)
      return H.errorAt(O.Tag, DURE_DRV_KERNEL_FAULT, "the fault kernel ran");
    Kernels[O.Entry].Function(A);
    H.trace(Kernels[O.Entry].Name, Begin, H.now());
    return nullptr;
  }
};

class FakeBackend final : public Backend {
public:
  using Backend::Backend;

  void describe(uint32_t, dure_drv_device_info &Info) const override {
    Info.name = "fake device";
    Info.architecture = "fake";
    Info.max_grid_rank = 3;
    Info.binding_alignment = 64;
  }
  Status validate(const char *Compatibility,
                  dure_drv_compatibility &R) const override {
    std::string Text = Compatibility;
    R.verdict = DURE_DRV_UNSUPPORTED;
    if (!Text.starts_with("fake:"))
      return nullptr;
    R.verdict = DURE_DRV_OPTIMAL;
    R.score =
        static_cast<uint32_t>(std::strtoul(Text.c_str() + 5, nullptr, 10));
    return nullptr;
  }
  Status load(const dure_drv_executable_params &P,
              std::unique_ptr<Executable> &Result) override {
    if (!P.format || std::strcmp(P.format, "fake") != 0)
      return H.error(DURE_DRV_INVALID_ARGUMENT, "not of the format 'fake'");
    if (P.byte_count != 4 || std::memcmp(P.bytes, "fake", 4) != 0)
      return H.error(DURE_DRV_INVALID_ARGUMENT, "not a fake code object");
    Result = std::make_unique<FakeExecutable>();
    return nullptr;
  }
  std::unique_ptr<Executor> createExecutor() override {
    return std::make_unique<FakeExecutor>(H);
  }
  uint64_t memoryLimit() const override { return uint64_t(1) << 32; }
};

Status makeBackend(const Host &H, std::unique_ptr<Backend> &Result) {
  Result = std::make_unique<FakeBackend>(H);
  return nullptr;
}

} // namespace

dure_drv_status *dure_driver_query(uint32_t AbiMajor, uint32_t AbiMinor,
                                   const dure_host_services *Services,
                                   const dure_driver **Out) {
  // Its kernels are its own: a package brings none.
  return makeDriver("fake",
                    DURE_DRV_CAP_EXECUTABLES | DURE_DRV_CAP_COMPUTES |
                        DURE_DRV_CAP_OFF_HOST,
                    makeBackend, AbiMajor, AbiMinor, Services, Out);
}
