"""ONNX Runtime on a CPU in f32, graph fused by its own transformer optimiser."""

import onnxruntime
from encoder_batches import Batches
from onnx_export import exported

VERSION = "onnxruntime " + onnxruntime.__version__


class Peer:
    def __init__(self, folder, threads):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(exported(folder)[1]), options,
                                                    providers=["CPUExecutionProvider"])
        self.types = {i.name: "int32" if "int32" in i.type else "int64"
                      for i in self.session.get_inputs()}
        self.batches = Batches(folder)

    def run(self, ids, mask, types):
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
        feed = {name: given[name].astype(t, copy=False) for name, t in self.types.items()}
        return self.session.run(None, feed)[0]

    def embed(self, texts):
        return self.batches.embed(texts, self.run)
