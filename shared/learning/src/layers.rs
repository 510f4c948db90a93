//! The layers behind a [`Plan`], as burn modules.
//!
//! First weights are drawn here, from a generator of the caller, and not by burn: burn draws from one generator of
//! the whole process, so that teachers trained side by side would get each other's numbers.

use super::network::{IMAGE_KERNELS, Plan, SIGNAL_KERNELS, STRIDE, Tail};
use burn::module::{ModuleMapper, ModuleVisitor, Param};
use burn::nn::conv::{Conv1d, Conv1dConfig, Conv2d, Conv2dConfig};
use burn::nn::{Initializer, Linear, LinearConfig, PaddingConfig2d};
use burn::prelude::*;
use burn::tensor::activation::relu;
use burn::tensor::{Gradients, TensorData};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// One of the architectures; all read flat rows `[batch, values]` and give logits `[batch, classes]`.
#[derive(Module, Debug)]
pub(super) enum Layers {
    Mlp(Mlp),
    Cnn(Cnn),
    Cnn1d(Cnn1d),
}

#[derive(Module, Debug)]
pub(super) struct Mlp {
    linears: Vec<Linear>,
}

#[derive(Module, Debug)]
pub(super) struct Cnn {
    first: Conv2d,
    second: Conv2d,
    hidden: Linear,
    output: Linear,
    image: [usize; 3],
}

#[derive(Module, Debug)]
pub(super) struct Cnn1d {
    first: Conv1d,
    second: Conv1d,
    hidden: Linear,
    output: Linear,
    signal: [usize; 2],
}

impl Layers {
    /// Builds the layers with first weights from `rng`.
    pub(super) fn new(plan: &Plan, rng: &mut ChaCha8Rng, device: &Device) -> Self {
        let mut init = Init { rng, device };
        match plan {
            Plan::Mlp { widths } => {
                let linears = widths.array_windows().map(|&[input, output]| init.linear(input, output));
                Self::Mlp(Mlp { linears: linears.collect() })
            }
            &Plan::Cnn { image, left, tail: Tail { channels: [first, second], hidden, classes }, padded } => {
                let ([input, ..], [first_kernel, second_kernel]) = (image, IMAGE_KERNELS);
                Self::Cnn(Cnn {
                    first: init.image_convolution(input, first, first_kernel, padded),
                    second: init.image_convolution(first, second, second_kernel, padded),
                    hidden: init.linear(second * left, hidden),
                    output: init.linear(hidden, classes),
                    image,
                })
            }
            &Plan::Cnn1d { signal, left, tail: Tail { channels: [first, second], hidden, classes } } => {
                let ([input, _], [first_kernel, second_kernel]) = (signal, SIGNAL_KERNELS);
                Self::Cnn1d(Cnn1d {
                    first: init.signal_convolution(input, first, first_kernel),
                    second: init.signal_convolution(first, second, second_kernel),
                    hidden: init.linear(second * left, hidden),
                    output: init.linear(hidden, classes),
                    signal,
                })
            }
        }
    }

    /// Logits `[batch, classes]` of flat rows `[batch, values]`.
    pub(super) fn forward(&self, rows: Tensor<2>) -> Tensor<2> {
        let features = self.features(rows);
        match self {
            Self::Mlp(Mlp { linears }) => match linears.last() {
                Some(output) => output.forward(features),
                None => features,
            },
            Self::Cnn(Cnn { output, .. }) | Self::Cnn1d(Cnn1d { output, .. }) => output.forward(features),
        }
    }

    /// Returns what the last layer reads, `[batch, hidden]`, of flat rows `[batch, values]`.
    pub(super) fn features(&self, rows: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Mlp(mlp) => mlp.features(rows),
            Self::Cnn(cnn) => cnn.features(rows),
            Self::Cnn1d(cnn) => cnn.features(rows),
        }
    }

    /// Returns what stands before every layer's name in a file.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Mlp(_) => "Mlp",
            Self::Cnn(_) => "Cnn",
            Self::Cnn1d(_) => "Cnn1d",
        }
    }

    /// Returns all weights, layer after layer.
    pub(super) fn to_weights(&self) -> Vec<f32> {
        let mut collector = Collector(Vec::new());
        self.visit(&mut collector);
        collector.0
    }

    /// Returns the same layers with other weights, in the order of [`Self::to_weights`], on `device`. Their graph
    /// shares nothing with that of other copies, so copies can be differentiated side by side.
    pub(super) fn with_weights(&self, weights: &[f32], device: &Device) -> Self {
        self.clone().map(&mut Placer { weights, device })
    }

    /// Returns the gradient of every weight, in the order of [`Self::to_weights`].
    pub(super) fn to_gradient(&self, gradients: &Gradients) -> Vec<f32> {
        let mut collector = GradientCollector { gradients, values: Vec::new() };
        self.visit(&mut collector);
        collector.values
    }
}

impl Mlp {
    fn features(&self, rows: Tensor<2>) -> Tensor<2> {
        let hidden = self.linears.split_last().map_or(&[][..], |(_, hidden)| hidden);
        hidden.iter().fold(rows, |x, linear| relu(linear.forward(x)))
    }
}

impl Cnn {
    fn features(&self, rows: Tensor<2>) -> Tensor<2> {
        let ([batch, _], [channels, height, width]) = (rows.dims(), self.image);
        let x = rows.reshape([batch, channels, height, width]);
        let x = relu(self.first.forward(x));
        let x = relu(self.second.forward(x));
        relu(self.hidden.forward(x.flatten(1, 3)))
    }
}

impl Cnn1d {
    fn features(&self, rows: Tensor<2>) -> Tensor<2> {
        let ([batch, _], [channels, length]) = (rows.dims(), self.signal);
        let x = rows.reshape([batch, channels, length]);
        let x = relu(self.first.forward(x));
        let x = relu(self.second.forward(x));
        relu(self.hidden.forward(x.flatten(1, 2)))
    }
}

/// Source of first weights: U(−k, k) with k = 1/√(inputs of one output), for weights and biases alike.
struct Init<'a> {
    rng: &'a mut ChaCha8Rng,
    device: &'a Device,
}

impl Init<'_> {
    fn linear(&mut self, input: usize, output: usize) -> Linear {
        let mut linear =
            LinearConfig::new(input, output).with_initializer(Initializer::Zeros).init(self.device);
        linear.weight = self.draw([input, output], input);
        linear.bias = Some(self.draw([output], input));
        linear
    }

    fn image_convolution(&mut self, input: usize, output: usize, kernel: usize, padded: bool) -> Conv2d {
        let inputs = input * kernel * kernel;
        let around = if padded { kernel / 2 } else { 0 };
        let config = Conv2dConfig::new([input, output], [kernel; 2])
            .with_stride([STRIDE; 2])
            .with_padding(PaddingConfig2d::Explicit(around, around, around, around));
        let mut convolution = config.with_initializer(Initializer::Zeros).init(self.device);
        convolution.weight = self.draw([output, input, kernel, kernel], inputs);
        convolution.bias = Some(self.draw([output], inputs));
        convolution
    }

    fn signal_convolution(&mut self, input: usize, output: usize, kernel: usize) -> Conv1d {
        let inputs = input * kernel;
        let config = Conv1dConfig::new(input, output, kernel).with_stride(STRIDE);
        let mut convolution = config.with_initializer(Initializer::Zeros).init(self.device);
        convolution.weight = self.draw([output, input, kernel], inputs);
        convolution.bias = Some(self.draw([output], inputs));
        convolution
    }

    fn draw<const D: usize>(&mut self, shape: [usize; D], inputs: usize) -> Param<Tensor<D>> {
        #[expect(clippy::cast_precision_loss, reason = "an approximate bound is good enough")]
        let bound = 1.0 / (inputs as f32).sqrt();
        let count = shape.iter().product();
        let values: Vec<f32> = (0..count).map(|_| (2.0 * self.rng.random::<f32>() - 1.0) * bound).collect();
        Param::from_data(TensorData::new(values, shape), self.device)
    }
}

struct Collector(Vec<f32>);

impl ModuleVisitor for Collector {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.extend(param.val().into_data().iter::<f32>());
    }
}

struct GradientCollector<'a> {
    gradients: &'a Gradients,
    values: Vec<f32>,
}

impl ModuleVisitor for GradientCollector<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let tensor = param.val();
        match tensor.grad(self.gradients) {
            Some(gradient) => self.values.extend(gradient.into_data().iter::<f32>()),
            // What the loss does not depend on has no gradient.
            None => self.values.resize(self.values.len() + tensor.shape().num_elements(), 0.0),
        }
    }
}

struct Placer<'a> {
    weights: &'a [f32],
    device: &'a Device,
}

impl ModuleMapper for Placer<'_> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let shape = param.val().dims();
        let Some((here, rest)) = self.weights.split_at_checked(shape.iter().product()) else { return param };
        self.weights = rest;
        Param::from_data(TensorData::new(here.to_vec(), shape), self.device)
    }
}
