"""ONNX Runtime on a CPU: f32, graph fused by its own transformer optimiser; or int8, the same with
its dynamic quantisation."""

import onnxruntime
from encoder_batches import Batches
from onnx_export import exported

VERSION = "onnxruntime " + onnxruntime.__version__
PRECISIONS = {"f32": "fused", "int8": "int8"}


class Peer:
    def __init__(self, folder, threads, precision):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            str(exported(folder, PRECISIONS[precision])), options, providers=["CPUExecutionProvider"])
        self.types = {i.name: "int32" if "int32" in i.type else "int64"
                      for i in self.session.get_inputs()}
        self.batches = Batches(folder)

    def run(self, ids, mask, types, at):
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types, "mask_at": at}
        feed = {name: given[name].astype(t, copy=False) for name, t in self.types.items()}
        return self.session.run(None, feed)[0]

    def compute(self, inputs):
        return self.batches.compute(inputs, self.run)
