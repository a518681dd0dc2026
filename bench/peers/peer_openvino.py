"""OpenVINO on a CPU, in f32 or in bf16 (its default where the processor has it)."""

import openvino
from encoder_batches import Batches
from onnx_export import exported

VERSION = "openvino " + openvino.__version__
PRECISIONS = ("f32", "bf16")


class Peer:
    def __init__(self, folder, threads, precision):
        core = openvino.Core()
        model = core.read_model(str(exported(folder, "plain")))
        self.names = [i.get_any_name() for i in model.inputs]
        compiled = core.compile_model(model, "CPU", {
            "INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": str(threads),
            "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1"})
        self.request = compiled.create_infer_request()
        self.batches = Batches(folder)

    def run(self, ids, mask, types, at):
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types, "mask_at": at}
        self.request.infer([given[n] for n in self.names])
        return self.request.get_output_tensor(0).data.copy()

    def compute(self, inputs):
        return self.batches.compute(inputs, self.run)
