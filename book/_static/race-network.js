// The race's networks: random numbers, points, a small network with its gradient, two optimizers.
// Nothing here knows of the page. tests/site/check_race.py compares the gradients and the updates
// with torch's.
(function () {
  "use strict";

  // Random numbers that a seed decides: "mulberry32", 32 bits of state.
  function random(seed) {
    let state = seed >>> 0;
    return () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    };
  }

  // A number from the normal distribution, by Box and Muller.
  function normal(uniform) {
    return Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  }

  // Two spirals, one for each class, blurred; `wrong` is the share of points with the other label.
  // Returns the coordinates, two for each point, and the labels, 0 or 1.
  function spirals(count, uniform, { blur, wrong, turns, scale = 1 }) {
    const x = new Float64Array(2 * count);
    const y = new Float64Array(count);
    for (let k = 0; k < count; k += 1) {
      const arm = k % 2;
      const way = Math.sqrt(uniform());
      const angle = 2 * Math.PI * turns * way + Math.PI * arm;
      x[2 * k] = scale * (way * Math.cos(angle) + blur * normal(uniform));
      x[2 * k + 1] = scale * (way * Math.sin(angle) + blur * normal(uniform));
      y[k] = uniform() < wrong ? 1 - arm : arm;
    }
    return { x, y, count };
  }

  // The layers of a network with so many units, such as [2, 16, 16, 1]. All weights and biases lie
  // in one array, layer after layer: first the weights, a row for each unit, then the biases.
  function layersOf(sizes) {
    let end = 0;
    return sizes.slice(1).map((outputs, k) => {
      const inputs = sizes[k];
      const layer = { inputs, outputs, weights: end, biases: end + inputs * outputs };
      end = layer.biases + outputs;
      return { ...layer, end };
    });
  }

  // First weights, as Glorot and Bengio (2010) draw them for tanh; biases are zero.
  function firstWeights(sizes, uniform) {
    const layers = layersOf(sizes);
    const parameters = new Float64Array(layers.at(-1).end);
    for (const { inputs, outputs, weights, biases } of layers) {
      const reach = Math.sqrt(6 / (inputs + outputs));
      for (let k = weights; k < biases; k += 1) parameters[k] = reach * (2 * uniform() - 1);
    }
    return parameters;
  }

  // A network has room for what its units compute, `values`, and for the loss's derivatives by
  // their sums, `errors`. The parameters are given to each function: eight runs share a network.
  function network(sizes) {
    const layers = layersOf(sizes);
    const values = sizes.map((size) => new Float64Array(size));
    const errors = sizes.map((size) => new Float64Array(size));

    // The output for the values that stand at the input: above 0 says class 1.
    function forward(parameters) {
      layers.forEach(({ inputs, outputs, weights, biases }, number) => {
        const from = values[number];
        const to = values[number + 1];
        const last = number === layers.length - 1;
        for (let j = 0; j < outputs; j += 1) {
          let sum = parameters[biases + j];
          for (let i = 0, w = weights + j * inputs; i < inputs; i += 1, w += 1) sum += parameters[w] * from[i];
          to[j] = last ? sum : tanh(sum);
        }
      });
      return values.at(-1)[0];
    }

    function output(parameters, across, up) {
      values[0][0] = across;
      values[0][1] = up;
      return forward(parameters);
    }

    // Go back through the layers, and add the derivatives of one point's loss to the gradient.
    function backward(parameters, gradient, error) {
      errors.at(-1)[0] = error;
      for (let number = layers.length - 1; number >= 0; number -= 1) {
        const { inputs, outputs, weights, biases } = layers[number];
        const from = values[number];
        const below = errors[number];
        below.fill(0);
        for (let j = 0; j < outputs; j += 1) {
          const error = errors[number + 1][j];
          gradient[biases + j] += error;
          for (let i = 0, w = weights + j * inputs; i < inputs; i += 1, w += 1) {
            gradient[w] += error * from[i];
            below[i] += error * parameters[w];
          }
        }
        for (let i = 0; i < inputs; i += 1) below[i] *= 1 - from[i] * from[i]; // tanh
      }
    }

    // The mean loss of some points, by their numbers; their gradient is written into `gradient`.
    function gradientOf(parameters, points, chosen, gradient) {
      gradient.fill(0);
      let sum = 0;
      for (const k of chosen) {
        const z = output(parameters, points.x[2 * k], points.x[2 * k + 1]);
        sum += logistic(z, points.y[k]);
        backward(parameters, gradient, (sigmoid(z) - points.y[k]) / chosen.length);
      }
      return sum / chosen.length;
    }

    // Mean loss and accuracy over all points.
    function judge(parameters, points) {
      let sum = 0;
      let right = 0;
      for (let k = 0; k < points.count; k += 1) {
        const z = output(parameters, points.x[2 * k], points.x[2 * k + 1]);
        sum += logistic(z, points.y[k]);
        right += z > 0 === points.y[k] > 0.5 ? 1 : 0;
      }
      return { loss: sum / points.count, accuracy: right / points.count };
    }

    return { output, gradientOf, judge };
  }

  // Math.tanh takes three times as long, and a race computes some thirty million.
  const tanh = (x) => 1 - 2 / (Math.exp(2 * x) + 1);
  const sigmoid = (z) => 1 / (1 + Math.exp(-z));

  // The logistic loss, −log of the probability of the right class, without an overflow.
  function logistic(z, label) {
    return Math.max(z, 0) - z * label + Math.log1p(Math.exp(-Math.abs(z)));
  }

  // Optimizers, as torch.optim has them. Each changes the parameters in place.

  // SGD with Nesterov's momentum.
  function sgd(count, momentum = 0.9) {
    const velocity = new Float64Array(count);
    return (parameters, gradient, rate) => {
      for (let k = 0; k < count; k += 1) {
        velocity[k] = momentum * velocity[k] + gradient[k];
        parameters[k] -= rate * (gradient[k] + momentum * velocity[k]);
      }
    };
  }

  function adam(count, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8) {
    const mean = new Float64Array(count);
    const square = new Float64Array(count);
    let steps = 0;
    return (parameters, gradient, rate) => {
      steps += 1;
      const [ofMean, ofSquare] = [1 - beta1 ** steps, 1 - beta2 ** steps];
      for (let k = 0; k < count; k += 1) {
        mean[k] = beta1 * mean[k] + (1 - beta1) * gradient[k];
        square[k] = beta2 * square[k] + (1 - beta2) * gradient[k] * gradient[k];
        parameters[k] -= (rate * (mean[k] / ofMean)) / (Math.sqrt(square[k] / ofSquare) + epsilon);
      }
    };
  }

  window.lrlibNetwork = { random, normal, spirals, layersOf, firstWeights, network, sgd, adam };
})();
