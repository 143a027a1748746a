"""Networks for other tools: programs that need no Layer Studio."""

from studio.storage.exports.keras_program import KerasProgram, keras_program, save_keras_program

__all__ = ["KerasProgram", "keras_program", "save_keras_program"]
