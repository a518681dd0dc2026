"""OpenVINO on a CPU in f32 (its default would be bf16 where the processor has it)."""

import openvino
from encoder_batches import Batches
from onnx_export import exported

VERSION = "openvino " + openvino.__version__


class Peer:
    def __init__(self, folder, threads):
        core = openvino.Core()
        model = core.read_model(str(exported(folder)[0]))
        self.names = [i.get_any_name() for i in model.inputs]
        compiled = core.compile_model(model, "CPU", {
            "INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": str(threads),
            "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1"})
        self.request = compiled.create_infer_request()
        self.batches = Batches(folder)

    def run(self, ids, mask, types):
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
        self.request.infer([given[n] for n in self.names])
        return self.request.get_output_tensor(0).data.copy()

    def embed(self, texts):
        return self.batches.embed(texts, self.run)
