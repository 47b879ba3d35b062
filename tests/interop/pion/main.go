// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// pion behind standard input and output, a JSON object a line, for stack-pion.js, which makes of it
// the interface of browsers. Each command is answered by its id, in the order in which they came.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sync"

	"github.com/pion/webrtc/v3"
)

type options struct {
	Ordered           *bool   `json:"ordered"`
	MaxRetransmits    *uint16 `json:"maxRetransmits"`
	MaxPacketLifeTime *uint16 `json:"maxPacketLifeTime"`
	Protocol          *string `json:"protocol"`
	Negotiated        *bool   `json:"negotiated"`
	ID                *uint16 `json:"id"`
}

type command struct {
	ID        int                      `json:"id"`
	Do        string                   `json:"do"`
	Channel   string                   `json:"channel"`
	Label     string                   `json:"label"`
	Options   options                  `json:"options"`
	Type      string                   `json:"type"`
	SDP       string                   `json:"sdp"`
	Restart   bool                     `json:"restart"`
	Candidate *webrtc.ICECandidateInit `json:"candidate"`
	Text      *string                  `json:"text"`
	Bytes     []byte                   `json:"bytes"`
}

type object map[string]interface{}

var (
	writing    sync.Mutex
	connection *webrtc.PeerConnection
	table      sync.Mutex
	channels   = map[string]*webrtc.DataChannel{}
	incoming   int
)

func tell(what object) {
	line, err := json.Marshal(what)
	if err != nil {
		panic(err)
	}
	writing.Lock()
	defer writing.Unlock()
	os.Stdout.Write(append(line, '\n'))
}

func follow(name string, channel *webrtc.DataChannel) {
	table.Lock()
	channels[name] = channel
	table.Unlock()
	channel.OnOpen(func() {
		tell(object{"event": "open", "channel": name, "stream": channel.ID()})
	})
	channel.OnClose(func() {
		tell(object{"event": "close", "channel": name})
	})
	channel.OnMessage(func(message webrtc.DataChannelMessage) {
		if message.IsString {
			tell(object{"event": "message", "channel": name, "text": string(message.Data)})
		} else {
			tell(object{"event": "message", "channel": name, "bytes": message.Data})
		}
	})
}

func found(name string) (*webrtc.DataChannel, error) {
	table.Lock()
	defer table.Unlock()
	if channel, ok := channels[name]; ok {
		return channel, nil
	}
	return nil, fmt.Errorf("there is no channel %s", name)
}

func onDataChannel(channel *webrtc.DataChannel) {
	incoming++
	name := fmt.Sprintf("theirs-%d", incoming)
	tell(object{"event": "datachannel", "channel": name, "label": channel.Label(),
		"ordered": channel.Ordered(), "maxRetransmits": channel.MaxRetransmits(),
		"maxPacketLifeTime": channel.MaxPacketLifeTime(), "protocol": channel.Protocol(),
		"stream": channel.ID()})
	follow(name, channel)
}

func connect() error {
	made, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return err
	}
	connection = made
	made.OnDataChannel(onDataChannel)
	made.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		tell(object{"event": "state", "state": state.String()})
	})
	made.OnICECandidate(func(candidate *webrtc.ICECandidate) {
		if candidate != nil {
			tell(object{"event": "candidate", "candidate": candidate.ToJSON()})
		}
	})
	return nil
}

func addMedia() error {
	for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
		_, err := connection.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{
			Direction: webrtc.RTPTransceiverDirectionRecvonly})
		if err != nil {
			return err
		}
	}
	return nil
}

func openChannel(given command) error {
	wanted := given.Options
	channel, err := connection.CreateDataChannel(given.Label, &webrtc.DataChannelInit{
		Ordered: wanted.Ordered, MaxRetransmits: wanted.MaxRetransmits,
		MaxPacketLifeTime: wanted.MaxPacketLifeTime, Protocol: wanted.Protocol,
		Negotiated: wanted.Negotiated, ID: wanted.ID})
	if err != nil {
		return err
	}
	follow(given.Channel, channel)
	return nil
}

func describe(given command) (object, error) {
	var made webrtc.SessionDescription
	var err error
	if given.Type == "offer" {
		made, err = connection.CreateOffer(&webrtc.OfferOptions{ICERestart: given.Restart})
	} else {
		made, err = connection.CreateAnswer(nil)
	}
	return object{"type": given.Type, "sdp": made.SDP}, err
}

func setDescription(given command, set func(webrtc.SessionDescription) error) error {
	return set(webrtc.SessionDescription{Type: webrtc.NewSDPType(given.Type), SDP: given.SDP})
}

func send(given command) error {
	channel, err := found(given.Channel)
	if err != nil {
		return err
	}
	if given.Text != nil {
		return channel.SendText(*given.Text)
	}
	return channel.Send(given.Bytes)
}

func closeChannel(given command) error {
	channel, err := found(given.Channel)
	if err != nil {
		return err
	}
	return channel.Close()
}

func carryOut(given command) (object, error) {
	switch given.Do {
	case "connect":
		return object{}, connect()
	case "media":
		return object{}, addMedia()
	case "open":
		return object{}, openChannel(given)
	case "describe":
		return describe(given)
	case "local":
		if err := setDescription(given, connection.SetLocalDescription); err != nil {
			return object{}, err
		}
		return object{"sdp": connection.LocalDescription().SDP}, nil
	case "remote":
		return object{}, setDescription(given, connection.SetRemoteDescription)
	case "candidate":
		return object{}, connection.AddICECandidate(*given.Candidate)
	case "send":
		return object{}, send(given)
	case "close-channel":
		return object{}, closeChannel(given)
	case "close":
		return object{}, connection.Close()
	}
	return object{}, fmt.Errorf("no command: %s", given.Do)
}

func main() {
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var given command
		if err := json.Unmarshal(line, &given); err != nil {
			panic(err)
		}
		result, err := carryOut(given)
		if err != nil {
			result = object{"error": err.Error()}
		}
		if result == nil {
			result = object{}
		}
		result["id"] = given.ID
		tell(result)
	}
}
