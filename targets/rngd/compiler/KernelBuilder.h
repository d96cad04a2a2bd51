// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Writes tcp: what kernels have in common.
//
// Included by RNGD's kernels only. Names of axes are the kernel's own; an axis
// that two tensors share is one.
#ifndef DURE_TARGETS_RNGD_COMPILER_KERNELBUILDER_H
#define DURE_TARGETS_RNGD_COMPILER_KERNELBUILDER_H

#include "dialects/tcp/TcpOps.h"
#include "targets/rngd/compiler/Residents.h"
#include "targets/rngd/machine/Figures.h"
#include "targets/rngd/machine/Limits.h"
#include "targets/rngd/timing/Profile.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace dure::rngd {

using DigitList = llvm::SmallVector<tcp::Digit, 4>;

/// Elements of bf16 that a lane holds when all are in use.
inline constexpr int64_t LaneElements = TrfBytes / Lanes / 2;
/// Of data memory, what tensors of a kernel may take: the rest is for the
/// smaller things beside them, statistics of rows and what alignment adds.
inline constexpr int64_t DmBudget = DmBytes - 32 * 1024;
/// What one step of many should take, so that the next is loaded and the last
/// stored beside it.
inline constexpr int64_t DmStep = DmBudget / 4;

/// Slices that do the same work, side by side.
struct Grid {
  DigitList cluster, slice;
};

/// An even share of [0, rows): `clusters` x `slices` slices have `each` rows.
struct Share {
  int64_t first, clusters, slices, each;
  int64_t rows() const { return clusters * slices * each; }
};

/// Divides rows among slices, at most `most` to a slice; few shares, the first
/// of them as even as can be. `unit`: rows of a slice but the last's are a
/// multiple.
llvm::SmallVector<Share> divide(int64_t rows, int64_t most, int64_t unit = 1);

/// Shares of whole units, and what is left, a packet of 8 at a time.
llvm::SmallVector<Share> unitShares(int64_t count, int64_t most, int64_t unit);

/// The first of each tile of `size` in [0, all): the last ones overlap rather
/// than be smaller, and compute some twice.
llvm::SmallVector<int64_t> starts(int64_t all, int64_t size);

/// Elements of a tensor in HBM as DMA moves them: what is less than 8 bytes at
/// its end is moved with what follows (BindingUnit).
int64_t wholeElements(mlir::Value binding);

class KernelBuilder {
public:
  /// `planned`: by whose rules kernels weigh how to divide work.
  KernelBuilder(mlir::func::FuncOp function, Profile planned)
      : b(function.getLoc(), function.getContext()), planned(planned),
        function(function) {
    b.setInsertionPointToEnd(&function.getBody().front());
  }

  mlir::Type f32() { return b.getF32Type(); }
  mlir::Type bf16() { return b.getBF16Type(); }
  mlir::Type i32() { return b.getI32Type(); }

  /// `size` positions, `stride` coordinates apart, of `extent` places.
  tcp::Digit digit(llvm::StringRef axis, int64_t size, int64_t stride = 1,
                   int64_t extent = 0);
  /// The slices of a share, rows being `axis`.
  Grid grid(llvm::StringRef axis, const Share &share);

  //===--- Memory -----------------------------------------------------------===
  /// A binding, or a part of it from element `first` on, laid out otherwise;
  /// with `type`, as elements of that.
  mlir::Value hbm(mlir::Value binding, const DigitList &element,
                  int64_t first = 0, mlir::Type type = {});
  /// A tensor in data memory or a register file from byte `offset` on, laid out
  /// otherwise; with `type`, as elements of that.
  mlir::Value part(mlir::Value local, const DigitList &element, int64_t offset,
                   mlir::Type type = {});
  mlir::Value constant(mlir::DenseElementsAttr value, const DigitList &element);
  mlir::Value dm(mlir::Type type, const Grid &grid, const DigitList &element);
  /// Data memory at the bytes of `place`, which must be as many or more.
  mlir::Value dmOver(mlir::Value place, mlir::Type type, const Grid &grid,
                     const DigitList &element);
  mlir::Value trf(mlir::Type type, const Grid &grid, const DigitList &lane,
                  const DigitList &element);
  /// The same from byte `offset` of a place on.
  mlir::Value dmWithin(mlir::Value place, int64_t offset, mlir::Type type,
                       const Grid &grid, const DigitList &element);
  mlir::Value vrf(mlir::Type type, const Grid &grid, const DigitList &element);
  /// Where data memory is taken after releaseAll: behind what was taken last,
  /// as in a ring, so that commands need not wait for the memory of earlier
  /// ones; or from its start.
  enum class Policy { Rotate, Restart };
  /// Begins a kernel; after an overflow, the last one again.
  void setPolicy(Policy of);
  /// Ends a kernel: writes the stores that copy has put off.
  void finish() { writeStores(); }
  /// Places given so far may be taken again.
  void releaseAll() {
    nextDm = policy == Policy::Rotate ? nextDm : 0;
    takenDm = 0;
    nextTrf = nextVrf = 0;
  }
  /// `place` keeps what it has, whatever is released, until it is unpinned or
  /// the kernel ends.
  void pin(mlir::Value place);
  void unpin(mlir::Value place);
  void releaseTrf() { nextTrf = 0; }
  void releaseVrf(int64_t to = 0) { nextVrf = to; }
  int64_t vrfMark() const { return nextVrf; }
  /// A place that could not be given: the kernel does not fit.
  bool overflowed() const { return overflow; }

  /// A value that kernels to come read. What copies write of it stays in data
  /// memory as long as nothing else needs the bytes; HBM gets it only where
  /// `isResult` or somebody reads what data memory cannot give.
  void keep(mlir::Value root, bool isResult) { kept[root] = isResult; }
  /// Nobody reads it from here on.
  void forget(mlir::Value root);
  /// Where all of a value lies in data memory, over the axes of `view`, which
  /// is all of it. Taking memory may end that: to be asked again afterwards.
  struct Resting {
    mlir::Value place;
    Grid grid;
    DigitList element;
  };
  std::optional<Resting> resting(mlir::Value root, const DigitList &view);

  //===--- Commands ---------------------------------------------------------===
  /// `commands`: at least so many, where it has as many parts.
  void copy(mlir::Value source, mlir::Value target, int64_t commands = 1);
  void gather(mlir::Value source, mlir::Value index, llvm::StringRef key,
              mlir::Value target);
  /// Rows of `source`, in data memory or a view of all of a value in HBM, to
  /// where `index` says. `isBeside`: no byte is one that the scatter before
  /// touches, which need not have ended.
  void scatter(mlir::Value source, mlir::Value target, mlir::Value index,
               llvm::StringRef key, bool isBeside = false);
  /// One instruction; `body` writes its steps.
  void exec(tcp::Context context, llvm::function_ref<void()> body);

  //===--- Steps of an instruction ------------------------------------------===
  mlir::Value fetch(mlir::Value source, const DigitList &time,
                    const DigitList &packet);
  /// Two tensors of one layout in turns, a packet each.
  mlir::Value fetchPair(mlir::Value first, mlir::Value second,
                        const DigitList &time, const DigitList &packet);
  mlir::Value fetchCast(mlir::Value stream, mlir::Type type);
  /// Less a zero point, in one bit more, as contractions alone take it.
  mlir::Value fetchLess(mlir::Value stream, int64_t zero);
  /// Each slice gets what all of its ring, the innermost `ring` slices, have,
  /// one slice's after the other; `time` says what that makes, `grid` what the
  /// slices stand for from here on.
  mlir::Value passRound(mlir::Value stream, int64_t ring, const Grid &grid,
                        const DigitList &time);
  /// Flits of the last digits of the packet.
  mlir::Value collect(mlir::Value stream);
  void toTrf(mlir::Value stream, mlir::Value trf);
  void toVrf(mlir::Value stream, mlir::Value vrf);
  /// stream x trf over `sum` (a digit a packet, the rest in time): the result's
  /// time is what else the stream's has, then `broadcast`, its packet the
  /// lanes.
  mlir::Value contract(mlir::Value stream, mlir::Value trf, int64_t pack,
                       const DigitList &broadcast, llvm::StringRef sum);
  /// `rows` x `columns` elements become packets of a column each; `time` and
  /// `packet` say what that makes.
  mlir::Value transpose(mlir::Value stream, int64_t rows, int64_t columns,
                        const DigitList &time, const DigitList &packet);
  void commit(mlir::Value stream, mlir::Value target);

  mlir::Value narrow(mlir::Value stream);
  /// Back to what `like` was before narrow, less an axis that was reduced.
  mlir::Value widen(mlir::Value stream, mlir::Value like,
                    llvm::StringRef without = {});
  /// A step without another operand, or on the stream twice.
  mlir::Value step(tcp::VectorKind kind, mlir::Value stream,
                   tcp::Arguments arguments = tcp::Arguments::StreamOperand);
  mlir::Value stepImm(tcp::VectorKind kind, mlir::Value stream, float value,
                      tcp::Arguments arguments = tcp::Arguments::StreamOperand);
  /// `groups` of a pair: 1 the first, 2 the second.
  mlir::Value stepVrf(tcp::VectorKind kind, mlir::Value stream, mlir::Value vrf,
                      tcp::Arguments arguments = tcp::Arguments::StreamOperand,
                      int64_t groups = 3);
  /// stream * factor + addend.
  mlir::Value stepFma(mlir::Value stream, float factor, float addend);
  mlir::Value stepStash(tcp::VectorKind kind, mlir::Value stream);
  /// Joins the two tensors of fetchPair.
  mlir::Value zip(tcp::VectorKind kind, mlir::Value stream,
                  tcp::Arguments arguments = tcp::Arguments::StreamOperand);
  /// A step that changes the type.
  mlir::Value convert(tcp::VectorKind kind, mlir::Value stream,
                      mlir::Type type);
  mlir::Value stepInt(tcp::VectorKind kind, mlir::Value stream, int32_t value,
                      int64_t groups = 3);
  /// Whole flits of narrower elements, which fill the front of each.
  mlir::Value castFlits(mlir::Value stream, mlir::Type type);
  mlir::Value stash(mlir::Value stream);
  /// Over `axis`, of packets or of time, of which coordinates from `limit` on
  /// do not count.
  mlir::Value reduce(tcp::Reduction kind, mlir::Value stream,
                     llvm::StringRef axis, int64_t limit);
  /// Over the innermost `ratio` slices, of which each, or the first one, has
  /// the result.
  mlir::Value reduceSlices(tcp::Reduction kind, mlir::Value stream,
                           int64_t ratio, bool broadcast);
  /// Slices of such a result.
  Grid reduced(const Grid &grid, int64_t ratio, bool broadcast);
  /// i32 as f32.
  mlir::Value toFloat(mlir::Value stream);
  /// A reduced stream as whole flits of axis "x", 8 wide.
  mlir::Value widenReduced(mlir::Value stream);

  mlir::ImplicitLocOpBuilder b;
  const Profile planned;

private:
  tcp::MapAttr map(const DigitList &digits) {
    return tcp::MapAttr::get(b.getContext(), digits);
  }
  tcp::StreamType withPacket(mlir::Value stream, const DigitList &time,
                             const DigitList &packet, mlir::Type type = {});
  mlir::Value alloc(mlir::Type type, int64_t &next, int64_t bytes,
                    int64_t capacity, int64_t alignment);
  mlir::Value vector(tcp::VectorKind kind, mlir::Value stream, mlir::Value vrf,
                     tcp::Arguments arguments, mlir::Attribute immediate,
                     bool stash, bool zip, mlir::Type result,
                     int64_t groups = 3);

  void writeStores();
  void writeCopy(mlir::Value source, mlir::Value target, int64_t least);
  bool copyFromResident(mlir::Value source, mlir::Value target, int64_t least);
  /// HBM gets what residents of `root` it lacks.
  void settle(mlir::Value root);
  /// What lies in these bytes goes to HBM, if it is needed there.
  void evict(mlir::Value place);
  mlir::Value keepStores(mlir::Value place);

  mlir::func::FuncOp function;
  /// Copies to HBM that are not written yet.
  llvm::SmallVector<Store> stores;
  llvm::SmallVector<Resident> residents, residentsBefore;
  /// Values, and whether HBM gets them in any case.
  llvm::DenseMap<mlir::Value, bool> kept;
  /// takenDm: since releaseAll, what was skipped at the end included.
  int64_t nextDm = 0, takenDm = 0, nextTrf = 0, nextVrf = 0;
  /// Bytes of data memory that are pinned.
  llvm::SmallVector<std::pair<int64_t, int64_t>, 2> pinned;
  Policy policy = Policy::Restart;
  int64_t nextEngine = 0;
  /// Not counting those beside others.
  int64_t scatters = 0;
  bool overflow = false;
};

} // namespace dure::rngd

#endif // DURE_TARGETS_RNGD_COMPILER_KERNELBUILDER_H
