// What the monitor plays comes as 16-bit samples and is heard here.
"use strict";
const LEAD_SECONDS = 0.1;

class Speaker {
  constructor() {
    this.context = null;
    this.sources = new Set();
    this.frames = 0;  // handed to the device since the page was opened: tests look at it
  }

  begin({ rate, channels }) {
    this.stop();
    if (!this.context || this.context.sampleRate !== rate) {
      if (this.context) this.context.close();
      this.context = new AudioContext({ sampleRate: rate });  // the sound's own: nothing is resampled before the device
    }
    this.context.resume();
    this.channels = channels;
    this.at = 0;
  }

  samples(bytes) {
    const samples = new Int16Array(bytes), frames = samples.length / this.channels;
    const buffer = this.context.createBuffer(this.channels, frames, this.context.sampleRate);
    for (let channel = 0; channel < this.channels; channel++) {
      const data = buffer.getChannelData(channel);
      for (let frame = 0; frame < frames; frame++) data[frame] = samples[frame * this.channels + channel] / 32768;
    }
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.connect(this.context.destination);
    source.onended = () => this.sources.delete(source);
    this.at = Math.max(this.at, this.context.currentTime + (this.at ? 0 : LEAD_SECONDS));
    source.start(this.at);
    this.at += frames / this.context.sampleRate;
    this.sources.add(source);
    this.frames += frames;
  }

  stop() {
    for (const source of this.sources) source.stop();
    this.sources.clear();
  }
}

const speaker = new Speaker();
window.distillSpeaker = speaker;

function connect() {
  const socket = new WebSocket(document.getElementById("terminal").dataset.speaker);
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) => {
    if (typeof data !== "string") return speaker.samples(data);
    const told = JSON.parse(data);
    if (told.begin) speaker.begin(told.begin);
    else if (!told.end) speaker.stop();
  };
  socket.onclose = () => { if (!document.body.classList.contains("-closed")) setTimeout(connect, 2000); };
}
connect();
