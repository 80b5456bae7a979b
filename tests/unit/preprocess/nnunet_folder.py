"""A folder as nnU-Net leaves it after training, with a network that calls bright voxels brain."""

import json

import numpy as np

KINDS = ["conv_op", "norm_op", "dropout_op", "nonlin"]
NETWORK = {
    "n_stages": 2,
    "features_per_stage": [2, 2],
    "conv_op": "torch.nn.modules.conv.Conv3d",
    "kernel_sizes": [[1, 1, 1], [1, 1, 1]],
    "strides": [[1, 1, 1], [2, 2, 2]],
    "n_conv_per_stage": [1, 1],
    "n_conv_per_stage_decoder": [1],
    "conv_bias": True,
    "norm_op": None,
    "norm_op_kwargs": {},
    "dropout_op": None,
    "dropout_op_kwargs": None,
    "nonlin": "torch.nn.LeakyReLU",
    "nonlin_kwargs": {"inplace": True},
}
UNET = "dynamic_network_architectures.architectures.unet.PlainConvUNet"
RESAMPLING = {"is_seg": False, "order": 1, "order_z": 0, "force_separate_z": None}
BY = "resample_data_or_seg_to_shape"
CONFIGURATION = {
    "data_identifier": "tiny",
    "preprocessor_name": "DefaultPreprocessor",
    "batch_size": 2,
    "patch_size": [16, 16, 16],
    "median_image_size_in_voxels": [16.0, 16.0, 16.0],
    "spacing": [1.5, 1.5, 1.5],
    "normalization_schemes": ["ZScoreNormalization"],
    "use_mask_for_norm": [False],
    "resampling_fn_data": BY,
    "resampling_fn_seg": BY,
    "resampling_fn_probabilities": BY,
    "resampling_fn_data_kwargs": RESAMPLING,
    "resampling_fn_seg_kwargs": RESAMPLING | {"is_seg": True},
    "resampling_fn_probabilities_kwargs": RESAMPLING,
    "architecture": {
        "network_class_name": UNET,
        "arch_kwargs": NETWORK,
        "_kw_requires_import": KINDS,
    },
    "batch_dice": False,
}
PLANS = {
    "dataset_name": "Dataset999_tiny",
    "plans_name": "nnUNetPlans",
    "original_median_spacing_after_transp": [1.5, 1.5, 1.5],
    "original_median_shape_after_transp": [16, 16, 16],
    "image_reader_writer": "SimpleITKIO",
    "transpose_forward": [0, 1, 2],
    "transpose_backward": [0, 1, 2],
    "configurations": {"3d_fullres": CONFIGURATION},
    "experiment_planner_used": "ExperimentPlanner",
    "label_manager": "LabelManager",
    "foreground_intensity_properties_per_channel": {"0": {}},
}
DATASET = {
    "channel_names": {"0": "T1"},
    "labels": {"background": 0, "brain": 1},
    "numTraining": 1,
    "file_ending": ".nii.gz",
}


def bright_is_brain():
    """Weights of the network: what is brighter than the mean is class 1."""
    import torch
    from dynamic_network_architectures.architectures.unet import PlainConvUNet

    convs = {"conv_op": torch.nn.Conv3d, "nonlin": torch.nn.LeakyReLU}
    network = PlainConvUNet(1, num_classes=2, deep_supervision=False, **(NETWORK | convs))
    state = network.state_dict()
    for weight in state.values():
        weight.zero_()
    state["encoder.stages.0.0.convs.0.conv.weight"][0, 0] = 1
    state["decoder.stages.0.convs.0.conv.weight"][0, 2] = 1  # behind the two channels from below
    state["decoder.seg_layers.0.weight"][1, 0] = 1
    return state


def save(folder, checkpoint_name, **extra):
    """Write the folder; `extra` goes into the checkpoint."""
    import torch

    (folder / "plans.json").write_text(json.dumps(PLANS))
    (folder / "dataset.json").write_text(json.dumps(DATASET))
    checkpoint = {
        "network_weights": bright_is_brain(),
        "trainer_name": "nnUNetTrainer",
        "init_args": {"configuration": "3d_fullres"},
        "inference_allowed_mirroring_axes": (0, 1, 2),
        "logging": {"train_losses": [np.float32(0.5), np.float64(0.2)]},
    }
    (folder / checkpoint_name).parent.mkdir()
    torch.save(checkpoint | extra, folder / checkpoint_name)
    return folder
