// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The interpreter of host programs.

#include "runtime/host/Run.h"

#include "runtime/host/CornerCopy.h"
#include "runtime/host/DispatchTimes.h"
#include "runtime/host/Places.h"
#include "runtime/host/Scalar.h"

#include <algorithm>
#include <cstring>

using namespace dure;

namespace {

/// Fresh memory of this run, back in the pool when the last view of it goes.
struct Allocation {
  std::shared_ptr<DeviceBuffer> Buffer;
  uint64_t Size;
  Space Where;
  DeviceIndex On;
};

class Interpreter {
public:
  Interpreter(Session &Owner, const Entry &E, const Program &P,
              std::span<const InputValue> Inputs, State *Cache,
              const RunSettings &Settings, RunStats &Stats)
      : Owner(Owner), E(E), P(P), Inputs(Inputs), Cache(Cache),
        Settings(Settings), Stats(Stats),
        Times(Settings.Profile ? std::make_shared<DispatchTimes>() : nullptr),
        Scalars(P.ScalarRegisters, 0), Buffers(P.BufferRegisters),
        InputViews(Owner.deviceCount()), StateLengths(Owner.deviceCount()),
        OneByOne(static_cast<bool>(Settings.OnValue)) {
    for (DeviceIndex I = 0; I != Owner.deviceCount(); ++I) {
      Batches.push_back(std::make_unique<CommandBatch>(
          Owner.device(I), Settings.Limits, Times.get()));
      InputViews[I].resize(Inputs.size());
      // Values are read, and times without timestamps taken, between
      // dispatches.
      OneByOne = OneByOne || (Settings.Profile && !hasTimestamps(I));
    }
  }

  Status run(std::vector<OutputValue> &Outputs) {
    Status Done = runBlock(0);
    if (Done.ok())
      Done = flushAll();
    if (Done.ok())
      Done = finishOutputs(Outputs);
    if (Done.ok() && Cache)
      Cache->append(Appended);
    else if (Cache && Appended != 0)
      Cache->runFailed();
    for (const auto &Batch : Batches)
      Stats.Submissions += Batch->submissions();
    finishRecords();
    releaseMemory(Done.ok());
    return Done;
  }

private:
  //===--------------------------------------------------------------------===//
  // Devices
  //===--------------------------------------------------------------------===//

  const Device &device(DeviceIndex On) const { return *Owner.device(On); }
  bool hasTimestamps(DeviceIndex On) const {
    return device(On).driver().can(DURE_DRV_CAP_TIMESTAMPS);
  }
  bool isStuck() const {
    return std::any_of(Batches.begin(), Batches.end(),
                       [](const auto &Batch) { return Batch->stuck(); });
  }

  /// A failure of one of several devices, with its name in front. The end of a
  /// run's time is nobody's failure.
  Status fromDevice(Status Done, DeviceIndex On) const {
    if (Done.ok() || Batches.size() == 1 ||
        Done.code() == StatusCode::Cancelled ||
        Done.code() == StatusCode::DeadlineExceeded)
      return Done;
    return Done.at("device '" + device(On).facts().Name + "'");
  }
  Status flush(DeviceIndex On) { return fromDevice(Batches[On]->flush(), On); }
  Status flushIfFull(DeviceIndex On) {
    return fromDevice(Batches[On]->flushIfFull(), On);
  }

  /// Ends with nothing at work on any device.
  Status flushAll() {
    for (DeviceIndex On = 0; On != Batches.size(); ++On)
      DURE_RETURN_IF_ERROR(flush(On));
    return Status::success();
  }

  /// Copies between devices. Why on the host, and not as commands that wait for
  /// each other's timelines: one device's driver knows nothing of another's
  /// memory and semaphores.
  Status copyAcross(const BufferView &Source, uint64_t From,
                    const BufferView &To, uint64_t At, uint64_t Size) {
    DURE_RETURN_IF_ERROR(flush(Source.On));
    // Its memory may be read by what is gathered there.
    DURE_RETURN_IF_ERROR(flush(To.On));
    DURE_RETURN_IF_ERROR(Settings.Limits.check());
    if (Size == 0)
      return Status::success();
    ++Stats.CrossCopies;
    Stats.CrossBytes += Size;
    const Device &Near = device(Source.On), &Far = device(To.On);
    auto Gather = [&](uint64_t Offset, std::span<std::byte> Piece) {
      return fromDevice(
          Near.download(
              Source.Buffer, Source.Offset + From + Offset, Piece.size(),
              [&](uint64_t Done, auto Part) {
                std::memcpy(Piece.data() + Done, Part.data(), Part.size());
              }),
          Source.On);
    };
    Status Read;
    DURE_RETURN_IF_ERROR(
        fromDevice(Far.upload(To.Buffer, To.Offset + At, Size,
                              [&](uint64_t Offset, std::span<std::byte> Piece) {
                                if (Read.ok())
                                  Read = Gather(Offset, Piece);
                              }),
                   To.On));
    return Read;
  }

  //===--------------------------------------------------------------------===//
  // Scalars
  //===--------------------------------------------------------------------===//

  Status execute(const ConstOp &Op) {
    Scalars[Op.Result] = Op.Value;
    return Status::success();
  }

  Status execute(const ScalarOp &Op) {
    int64_t C = Op.Kind == ScalarOpKind::Select ? Scalars[Op.C] : 0;
    if (evaluateScalar(Op.Kind, Scalars[Op.A], Scalars[Op.B], C,
                       Scalars[Op.Result]))
      return Status::success();
    return Status(StatusCode::OutOfRange,
                  "the shapes of this run are too large to compute with, or "
                  "divide by zero");
  }

  Status execute(const InputDimOp &Op) {
    Scalars[Op.Result] = Inputs[Op.Input].Dims[Op.Axis];
    return Status::success();
  }

  Status execute(const CheckOp &Op) {
    int64_t A = Scalars[Op.A], B = Scalars[Op.B];
    bool Holds = Op.Rel == Relation::Eq   ? A == B
                 : Op.Rel == Relation::Ne ? A != B
                 : Op.Rel == Relation::Lt ? A < B
                                          : A <= B;
    if (Holds)
      return Status::success();
    static constexpr const char *Signs[] = {"", "==", "!=", "<", "<="};
    return invalidArgument(Op.Message + " (" + std::to_string(A) + " " +
                           Signs[static_cast<size_t>(Op.Rel)] + " " +
                           std::to_string(B) + " does not hold)");
  }

  Status execute(const ReadScalarOp &Op) {
    uint64_t Unit = elementBits(Op.Type) / 8;
    const BufferView &View = Buffers[Op.Source];
    int64_t Index = Scalars[Op.Index];
    if (Index < 0 || static_cast<uint64_t>(Index) >= View.Size / Unit)
      return Status(StatusCode::OutOfRange,
                    "a host program reads element " + std::to_string(Index) +
                        " of a buffer of " + std::to_string(View.Size) +
                        " bytes");
    DURE_RETURN_IF_ERROR(flushAll());
    uint64_t Bits = 0;
    DURE_RETURN_IF_ERROR(device(View.On).download(
        View.Buffer, View.Offset + static_cast<uint64_t>(Index) * Unit, Unit,
        [&](uint64_t, std::span<std::byte> Piece) {
          std::memcpy(&Bits, Piece.data(), Piece.size());
        }));
    Scalars[Op.Result] = signExtend(Op.Type, Bits);
    if (Op.Type == ElementType::U64 && Scalars[Op.Result] < 0)
      return Status(StatusCode::OutOfRange, "a size read is above 2^63");
    return Status::success();
  }

  static int64_t signExtend(ElementType Type, uint64_t Bits) {
    switch (Type) {
    case ElementType::I8:
      return static_cast<int8_t>(Bits);
    case ElementType::I16:
      return static_cast<int16_t>(Bits);
    case ElementType::I32:
      return static_cast<int32_t>(Bits);
    case ElementType::Bool:
      return Bits != 0;
    default:
      return static_cast<int64_t>(Bits);
    }
  }

  //===--------------------------------------------------------------------===//
  // Buffers
  //===--------------------------------------------------------------------===//

  Status execute(const InputBufferOp &Op) {
    const InputValue &Input = Inputs[Op.Input];
    BufferView &View = InputViews[Op.Device][Op.Input];
    if (!View.Buffer) {
      Result<std::shared_ptr<DeviceBuffer>> Buffer =
          inputBuffer(Input, Op.Device);
      if (!Buffer)
        return Buffer.status().at("input '" + E.Inputs[Op.Input].Name + "'");
      View = {Buffer.take(), 0, Input.Size, false, Op.Device};
    }
    Buffers[Op.Result] = View;
    return Status::success();
  }

  Result<std::shared_ptr<DeviceBuffer>> inputBuffer(const InputValue &Input,
                                                    DeviceIndex On) {
    const Device &Target = device(On);
    if (std::shared_ptr<DeviceBuffer> InPlace =
            Target.import(Input.Data, Input.Size, true))
      return InPlace;
    Result<std::shared_ptr<DeviceBuffer>> Fresh =
        Owner.pool(On).acquire(Input.Size);
    if (!Fresh)
      return Fresh;
    Allocations.push_back({*Fresh, 0, Space::None, On});
    auto Produce = [&](uint64_t Offset, std::span<std::byte> Piece) {
      std::memcpy(Piece.data(),
                  static_cast<const std::byte *>(Input.Data) + Offset,
                  Piece.size());
    };
    DURE_RETURN_IF_ERROR(Target.upload(*Fresh, 0, Input.Size, Produce));
    return Fresh;
  }

  Status execute(const WeightBufferOp &Op) {
    const std::shared_ptr<DeviceBuffer> &Weight =
        Owner.weight(Op.Device, Op.Weight);
    Buffers[Op.Result] = {Weight, 0, Weight->size(), false, Op.Device};
    return Status::success();
  }

  Status execute(const AllocateOp &Op) {
    int64_t Size = Scalars[Op.Size];
    if (Size < 0)
      return Status(StatusCode::OutOfRange, "a size is negative");
    Buffers[Op.Result] = {}; // a loop's last one may go now
    collectUnused();
    Result<BufferView> View =
        allocate(static_cast<uint64_t>(Size), Op.Where, Op.Device);
    if (!View)
      return View.status();
    Buffers[Op.Result] = View.take();
    return Status::success();
  }

  Result<BufferView> allocate(uint64_t Size, Space Where, DeviceIndex On) {
    uint64_t Total = 0;
    if (!checkedAdd(LiveBytes, Size, Total) || Total > Settings.MemoryLimit)
      return Status(StatusCode::ResourceExhausted,
                    "the run needs " + std::to_string(Size) +
                        " more bytes beside " + std::to_string(LiveBytes) +
                        ", its limit is " +
                        std::to_string(Settings.MemoryLimit));
    Result<std::shared_ptr<DeviceBuffer>> Buffer = Owner.pool(On).acquire(Size);
    if (!Buffer)
      return fromDevice(Buffer.status(), On);
    LiveBytes = Total;
    if (Where == Space::Transient) {
      TransientBytes += Size;
      Stats.PeakTransient = std::max(Stats.PeakTransient, TransientBytes);
    }
    Allocations.push_back({*Buffer, Size, Where, On});
    return BufferView{Buffer.take(), 0, Size, true, On};
  }

  /// Gives back what no register and no pending command refers to. Only loops
  /// make such buffers.
  void collectUnused() {
    if (!InLoop)
      return;
    for (size_t I = Allocations.size(); I-- != 0;) {
      Allocation &A = Allocations[I];
      if (A.Buffer.use_count() != 1)
        continue;
      LiveBytes -= A.Size;
      if (A.Where == Space::Transient)
        TransientBytes -= A.Size;
      Owner.pool(A.On).release(std::move(A.Buffer));
      Allocations.erase(Allocations.begin() + static_cast<ptrdiff_t>(I));
    }
  }

  Status execute(const SubspanOp &Op) {
    BufferView View = Buffers[Op.Source];
    int64_t Offset = Scalars[Op.Offset], Size = Scalars[Op.Size];
    if (Offset < 0 || Size < 0 ||
        !rangeFits(static_cast<uint64_t>(Offset), static_cast<uint64_t>(Size),
                   View.Size))
      return Status(StatusCode::OutOfRange,
                    "a host program takes bytes [" + std::to_string(Offset) +
                        ", +" + std::to_string(Size) + ") of a buffer of " +
                        std::to_string(View.Size));
    View.Offset += static_cast<uint64_t>(Offset);
    View.Size = static_cast<uint64_t>(Size);
    Buffers[Op.Result] = std::move(View);
    return Status::success();
  }

  //===--------------------------------------------------------------------===//
  // Commands
  //===--------------------------------------------------------------------===//

  static Status readOnly(const char *What) {
    return Status(StatusCode::FailedPrecondition,
                  std::string("a host program ") + What +
                      " into an input or a weight");
  }

  Status execute(const DispatchOp &Op) {
    const Export &Callee =
        Owner.variant().CodeObjects[Op.CodeObject].Exports[Op.Export];
    Grid.clear();
    bool Empty = false;
    for (ScalarReg Reg : Op.Grid) {
      if (Scalars[Reg] < 0)
        return Status(StatusCode::OutOfRange,
                      "'" + Callee.Name + "' has a negative grid");
      Empty = Empty || Scalars[Reg] == 0;
      Grid.push_back(static_cast<uint64_t>(Scalars[Reg]));
    }
    if (Empty)
      return Status::success();
    Views.clear();
    for (const Binding &B : Op.Bindings) {
      const BufferView &View = Buffers[B.Buffer];
      if (B.Use != Access::Read && !View.Writable)
        return readOnly("dispatches").at("'" + Callee.Name + "'");
      Views.push_back(&View);
    }
    Constants.clear();
    for (ScalarReg Reg : Op.Constants)
      Constants.push_back(Scalars[Reg]);
    const Executable &Code = Owner.executable(Op.CodeObject);
    DeviceIndex On = Owner.variant().CodeObjects[Op.CodeObject].Device;
    CommandBatch &Batch = *Batches[On];
    if (OneByOne)
      DURE_RETURN_IF_ERROR(flush(On));
    uint64_t Tag = Stats.Dispatches++;
    const TraceInfo *Row = Op.Trace < 0 ? nullptr : &P.Trace[Op.Trace];
    if (Times)
      Times->add({Row, &Callee, On, 0, 0, -1, -1});
    uint64_t Begin = OneByOne ? monotonicNs() : 0;
    Batch.dispatch(Code, Code.entry(Op.Export), Grid, Views, Constants, Tag,
                   Row);
    if (!OneByOne)
      return flushIfFull(On);
    DURE_RETURN_IF_ERROR(flush(On));
    if (Times && !hasTimestamps(On))
      Times->setHostTimes(Tag, Begin);
    return Settings.OnValue && Row ? captureValues(Op, *Row, Tag, On)
                                   : Status::success();
  }

  Status execute(const CopyOp &Op) {
    const BufferView &Source = Buffers[Op.Source];
    const BufferView &To = Buffers[Op.Target];
    int64_t From = Scalars[Op.SourceOffset], At = Scalars[Op.TargetOffset];
    int64_t Size = Scalars[Op.Size];
    if (!To.Writable)
      return readOnly("copies");
    if (From < 0 || At < 0 || Size < 0 ||
        !rangeFits(static_cast<uint64_t>(From), static_cast<uint64_t>(Size),
                   Source.Size) ||
        !rangeFits(static_cast<uint64_t>(At), static_cast<uint64_t>(Size),
                   To.Size))
      return Status(StatusCode::OutOfRange,
                    "a host program copies beyond a buffer");
    if (Source.On != To.On)
      return copyAcross(Source, static_cast<uint64_t>(From), To,
                        static_cast<uint64_t>(At), static_cast<uint64_t>(Size));
    CommandBatch &Batch = *Batches[To.On];
    Batch.copy(Source, static_cast<uint64_t>(From), To,
               static_cast<uint64_t>(At), static_cast<uint64_t>(Size));
    return flushIfFull(To.On);
  }

  Status execute(const FillOp &Op) {
    const BufferView &To = Buffers[Op.Target];
    int64_t Offset = Scalars[Op.Offset], Size = Scalars[Op.Size];
    if (!To.Writable)
      return readOnly("fills");
    if (Offset < 0 || Size < 0 || Size % Op.PatternSize != 0 ||
        !rangeFits(static_cast<uint64_t>(Offset), static_cast<uint64_t>(Size),
                   To.Size))
      return Status(StatusCode::OutOfRange,
                    "a host program fills beyond a buffer");
    CommandBatch &Batch = *Batches[To.On];
    Batch.fill(To, static_cast<uint64_t>(Offset), static_cast<uint64_t>(Size),
               Op.Pattern, Op.PatternSize);
    return flushIfFull(To.On);
  }

  Status execute(const CopyCornerOp &Op) {
    CornerCopy Corner;
    for (ScalarReg Reg : Op.SourceDims)
      Corner.SourceDims.push_back(Scalars[Reg]);
    for (ScalarReg Reg : Op.TargetDims)
      Corner.TargetDims.push_back(Scalars[Reg]);
    Corner.ElementSize = Op.ElementSize;
    Corner.Pattern = Op.Pattern;
    if (!Buffers[Op.Target].Writable)
      return readOnly("copies");
    uint64_t Rows = 0;
    DURE_RETURN_IF_ERROR(Corner.emit(Buffers[Op.Source], Buffers[Op.Target],
                                     Settings.Fuel - Stats.Instructions,
                                     *Batches[Buffers[Op.Target].On], Rows));
    Stats.Instructions += Rows;
    return Status::success();
  }

  Status execute(const BarrierOp &) {
    for (const auto &Batch : Batches)
      Batch->barrier();
    return Status::success();
  }

  //===--------------------------------------------------------------------===//
  // State
  //===--------------------------------------------------------------------===//

  Status execute(const StateBufferOp &Op) {
    const std::shared_ptr<DeviceBuffer> &Tensor = Cache->tensor(Op.State);
    Buffers[Op.Result] = {Tensor, 0, Tensor->size(), true, Op.Device};
    return Status::success();
  }

  Status execute(const StateLengthsOp &Op) {
    BufferView &View = StateLengths[Op.Device];
    if (!View.Buffer) {
      Result<std::shared_ptr<DeviceBuffer>> Lengths =
          Cache->lengthsOnDevice(Op.Device);
      if (!Lengths)
        return Lengths.status();
      View = {*Lengths, 0, (*Lengths)->size(), false, Op.Device};
    }
    Buffers[Op.Result] = View;
    return Status::success();
  }

  Status execute(const StateScalarOp &Op) {
    Scalars[Op.Result] = Op.Property == StateProperty::Batch ? Cache->batch()
                         : Op.Property == StateProperty::Capacity
                             ? Cache->capacity()
                             : Cache->longest();
    return Status::success();
  }

  Status execute(const StateAppendOp &Op) {
    int64_t Count = Scalars[Op.Count];
    if (Cache->isLost())
      return Status(StatusCode::FailedPrecondition,
                    "the state was lost with a run that failed: of layers with "
                    "a window it holds the last positions alone; set its "
                    "lengths to 0 and run the sequence again");
    int64_t Left = Cache->capacity() - Cache->longest() - Appended;
    if (Count < 0 || Count > Left)
      return Status(StatusCode::ResourceExhausted,
                    "the state has room for " + std::to_string(Left) +
                        " more positions, this call brings " +
                        std::to_string(Count) +
                        "; make it with a larger capacity");
    Appended += Count;
    return Status::success();
  }

  //===--------------------------------------------------------------------===//
  // Control
  //===--------------------------------------------------------------------===//

  Status execute(const IfOp &Op) {
    if (Scalars[Op.Condition] != 0)
      return runBlock(Op.Then);
    return Op.Else < 0 ? Status::success()
                       : runBlock(static_cast<uint32_t>(Op.Else));
  }

  Status execute(const LoopOp &Op) {
    int64_t Upper = Scalars[Op.Upper], Step = Scalars[Op.Step];
    if (Step < 1)
      return Status(StatusCode::OutOfRange, "a loop steps by less than 1");
    unsigned Outer = InLoop++;
    for (int64_t I = Scalars[Op.Lower]; I < Upper;) {
      if (Op.Condition >= 0 && Scalars[Op.Condition] == 0)
        break;
      Scalars[Op.Induction] = I;
      // Also an empty body uses fuel.
      DURE_RETURN_IF_ERROR(spendFuel());
      DURE_RETURN_IF_ERROR(runBlock(Op.Body));
      if (!checkedAdd(I, Step, I))
        break;
    }
    InLoop = Outer;
    return Status::success();
  }

  Status execute(const ReturnOp &Op) {
    Returned.resize(Op.Values.size());
    for (size_t I = 0; I != Op.Values.size(); ++I) {
      for (ScalarReg Reg : Op.Values[I].Dims)
        Returned[I].Dims.push_back(Scalars[Reg]);
      DURE_RETURN_IF_ERROR(returnValue(Op.Values[I], E.Outputs[I], Returned[I])
                               .at("output '" + E.Outputs[I].Name + "'"));
    }
    return Status::success();
  }

  struct ReturnedValue {
    std::vector<int64_t> Dims;
    BufferView View;
  };

  Status returnValue(const ReturnValue &Value, const TensorInfo &Info,
                     ReturnedValue &To) {
    for (size_t I = 0; I != To.Dims.size(); ++I)
      if (Info.Dims[I].Value >= 0 && Info.Dims[I].Value != To.Dims[I])
        return Status(StatusCode::Internal,
                      "dim " + std::to_string(I) + " came out as " +
                          std::to_string(To.Dims[I]) + ", the package says " +
                          std::to_string(Info.Dims[I].Value));
    uint64_t Count = 0, Bytes = 0;
    if (!elementCount(To.Dims, Count) || !elementBytes(Info.Type, Count, Bytes))
      return Status(StatusCode::OutOfRange, "its shape is not valid");
    const BufferView &From = Buffers[Value.Buffer];
    if (Bytes > From.Size)
      return Status(StatusCode::Internal,
                    "its shape needs " + std::to_string(Bytes) +
                        " bytes, its buffer has " + std::to_string(From.Size));
    // Only fresh result memory may be handed over, and once.
    bool HandOver = false;
    for (const Allocation &A : Allocations)
      HandOver =
          HandOver || (A.Buffer == From.Buffer && A.Where == Space::Result);
    for (const ReturnedValue &Other : Returned)
      HandOver = HandOver && Other.View.Buffer != From.Buffer;
    if (HandOver) {
      To.View = From;
      To.View.Size = Bytes;
      return Status::success();
    }
    Result<BufferView> Fresh = allocate(Bytes, Space::Result, From.On);
    if (!Fresh)
      return Fresh.status();
    CommandBatch &Batch = *Batches[From.On];
    Batch.barrier();
    Batch.copy(From, 0, *Fresh, 0, Bytes);
    To.View = Fresh.take();
    return Status::success();
  }

  Status spendFuel() {
    if (Stats.Instructions >= Settings.Fuel)
      return Status(StatusCode::ResourceExhausted,
                    "the host program used up its " +
                        std::to_string(Settings.Fuel) +
                        " instructions; give more fuel if that is expected");
    ++Stats.Instructions;
    // The clock and the flag cost more than most instructions.
    if (Stats.Instructions % 256 == 0)
      return Settings.Limits.check();
    return Status::success();
  }

  Status runBlock(uint32_t Index) {
    const Block &B = P.Blocks[Index];
    if (!B.Bucket.empty())
      Stats.Bucket = &B.Bucket;
    for (size_t I = 0; I != B.Instructions.size(); ++I) {
      DURE_RETURN_IF_ERROR(spendFuel());
      Status Done = std::visit([this](const auto &Op) { return execute(Op); },
                               B.Instructions[I]);
      if (!Done.ok())
        return saysWhere(B.Instructions[I]) ? Done
                                            : atInstruction(Done, E, P, B, I);
    }
    return Status::success();
  }

  /// Instructions whose failures name their place themselves.
  static bool saysWhere(const Instruction &I) {
    return !std::holds_alternative<ScalarOp>(I) &&
           !std::holds_alternative<AllocateOp>(I) &&
           !std::holds_alternative<CheckOp>(I) &&
           !std::holds_alternative<ReadScalarOp>(I);
  }

  //===--------------------------------------------------------------------===//
  // Traces and values
  //===--------------------------------------------------------------------===//

  /// Computes the registers of trace rows from what is known so far.
  /// Arithmetic on values that are not there yet gives 0.
  void runTraceBlock() {
    if (P.TraceBlock < 0)
      return;
    for (const Instruction &I : P.Blocks[P.TraceBlock].Instructions) {
      if (const auto *Op = std::get_if<ConstOp>(&I)) {
        Scalars[Op->Result] = Op->Value;
      } else if (const auto *Op = std::get_if<ScalarOp>(&I)) {
        int64_t C = Op->Kind == ScalarOpKind::Select ? Scalars[Op->C] : 0;
        (void)evaluateScalar(Op->Kind, Scalars[Op->A], Scalars[Op->B], C,
                             Scalars[Op->Result]);
      }
    }
  }

  Status captureValues(const DispatchOp &Op, const TraceInfo &Row, uint64_t Tag,
                       DeviceIndex On) {
    // The block assigns body registers only if it shares them: keep those.
    std::vector<int64_t> Saved = Scalars;
    runTraceBlock();
    Status Done;
    for (const TraceValue &Value : Row.Values) {
      CapturedValue Captured = {&Row, &Value, Tag, On, {}, {}};
      for (ScalarReg Reg : Value.Dims)
        Captured.Dims.push_back(Scalars[Reg]);
      const BufferView &View = Buffers[Op.Bindings[Value.Binding].Buffer];
      uint64_t Count = 0, Bytes = 0;
      if (!elementCount(Captured.Dims, Count) ||
          !elementBytes(Value.Type, Count, Bytes) || Bytes > View.Size) {
        Done = Status(StatusCode::Internal,
                      "value '" + Value.Name + "' does not fit its buffer");
        break;
      }
      Captured.Bytes.resize(Bytes);
      Done = device(View.On).download(
          View.Buffer, View.Offset, Bytes,
          [&](uint64_t Offset, std::span<std::byte> Piece) {
            std::memcpy(Captured.Bytes.data() + Offset, Piece.data(),
                        Piece.size());
          });
      if (Done.ok() && Settings.OnValue(Captured) != 0)
        Done = Status(StatusCode::Cancelled, "stopped by the caller");
      if (!Done.ok())
        break;
    }
    Scalars = std::move(Saved);
    return Done;
  }

  void finishRecords() {
    if (!Times)
      return;
    if (isStuck()) {
      // The driver may still call: the timer must outlive this run.
      new std::shared_ptr<DispatchTimes>(Times);
      return;
    }
    Stats.Records = Times->take(Stats.Simulated);
    runTraceBlock();
    for (DispatchRecord &Record : Stats.Records) {
      if (!Record.Row)
        continue;
      if (Record.Row->Flops >= 0)
        Record.Flops = Scalars[Record.Row->Flops];
      if (Record.Row->Bytes >= 0)
        Record.Bytes = Scalars[Record.Row->Bytes];
    }
  }

  //===--------------------------------------------------------------------===//
  // The end
  //===--------------------------------------------------------------------===//

  Status finishOutputs(std::vector<OutputValue> &Outputs) {
    Outputs.resize(Returned.size());
    for (size_t I = 0; I != Returned.size(); ++I) {
      BufferView &View = Returned[I].View;
      const Device &Target = device(View.On);
      OutputValue &Output = Outputs[I];
      Output.On = View.On;
      Output.Dims = std::move(Returned[I].Dims);
      Stats.OutputBytes += View.Size;
      Status Done;
      if (Target.hostVisible()) {
        Result<BufferMap> Map =
            Target.map(View.Buffer, View.Offset, View.Size, DURE_DRV_MAP_READ);
        Done = Map.status();
        if (Done.ok()) {
          Output.Map = Map.take();
          Output.Bytes = Output.Map.bytes();
          Output.Buffer = View.Buffer;
        }
      } else {
        Output.Copy.resize(View.Size);
        Output.Bytes = Output.Copy;
        Done =
            Target.download(View.Buffer, View.Offset, View.Size,
                            [&](uint64_t Offset, std::span<std::byte> Piece) {
                              std::memcpy(Output.Copy.data() + Offset,
                                          Piece.data(), Piece.size());
                            });
      }
      if (!Done.ok()) {
        Outputs.clear();
        return Done.at("output '" + E.Outputs[I].Name + "'");
      }
    }
    return Status::success();
  }

  /// Gives memory back to the pool, but for outputs and after a hang.
  void releaseMemory(bool Succeeded) {
    if (isStuck()) {
      Owner.Broken = true;
      return;
    }
    for (Allocation &A : Allocations) {
      bool IsOutput = false;
      for (const ReturnedValue &Value : Returned)
        IsOutput = IsOutput || (Succeeded && Value.View.Buffer == A.Buffer &&
                                device(A.On).hostVisible());
      if (!IsOutput)
        Owner.pool(A.On).release(std::move(A.Buffer));
    }
  }

  Session &Owner;
  const Entry &E;
  const Program &P;
  std::span<const InputValue> Inputs;
  State *Cache;
  const RunSettings &Settings;
  RunStats &Stats;
  std::shared_ptr<DispatchTimes> Times;
  std::vector<std::unique_ptr<CommandBatch>> Batches; // by device
  std::vector<int64_t> Scalars;
  std::vector<BufferView> Buffers;
  std::vector<std::vector<BufferView>> InputViews; // by device and input
  std::vector<BufferView> StateLengths;            // by device
  std::vector<Allocation> Allocations;
  std::vector<ReturnedValue> Returned;
  // Scratch of dispatches.
  std::vector<uint64_t> Grid;
  std::vector<const BufferView *> Views;
  std::vector<int64_t> Constants;
  uint64_t LiveBytes = 0;
  uint64_t TransientBytes = 0;
  int64_t Appended = 0;
  unsigned InLoop = 0;
  bool OneByOne;
};

} // namespace

Status dure::runProgram(Session &Owner, const Entry &E, const Program &P,
                        std::span<const InputValue> Inputs, State *Cache,
                        const RunSettings &Settings,
                        std::vector<OutputValue> &Outputs, RunStats &Stats) {
  Stats = {};
  Outputs.clear();
  if (Owner.Broken)
    return Status(StatusCode::DeviceLost,
                  "the device did not come back from an earlier run; make a "
                  "new session",
                  StatusScope::Device);
  for (DeviceIndex I = 0; Settings.DriverSpans && I != Owner.deviceCount(); ++I)
    Owner.device(I)->driver().startSpans();
  Stats.BeginNs = monotonicNs();
  Status Done = Settings.Limits.check();
  if (Done.ok())
    Done =
        Interpreter(Owner, E, P, Inputs, Cache, Settings, Stats).run(Outputs);
  Stats.EndNs = monotonicNs();
  for (DeviceIndex I = 0; Settings.DriverSpans && I != Owner.deviceCount(); ++I)
    Stats.Spans.push_back(Owner.device(I)->driver().takeSpans());
  if (Done.scope() != StatusScope::Call)
    Owner.Broken = true;
  return Done;
}
