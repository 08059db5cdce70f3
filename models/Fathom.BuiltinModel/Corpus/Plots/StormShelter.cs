namespace Fathom.BuiltinModel.Corpus.Plots;

/// <summary>The weather turns while friends are out; they find shelter, wait and share what they have.</summary>
internal static class StormShelter
{
    private static readonly string[] s_shelters = ["an old barn", "a small cave", "a little hut", "an empty house", "a big hollow tree"];

    public static void Tell(Story s, Cast c)
    {
        Person hero = c.Hero, friend = c.Friend;
        string shelter = s.Random.Pick(s_shelters);
        Scene.Open(s, c, weatherAdjective: "sunny");
        s.Say("The day began with sunshine.", "In the morning the sky was blue and clear.", "It was a sunny morning.");
        s.Ask("In the morning it was sunny.", "What was the weather like in the morning?", "How was the weather at first?");
        Scene.GoTogether(s, c);
        s.Say($"They took {c.Food} and {English.A(c.Thing)} with them.", $"{friend.Name} carried some {c.Food}, and {hero.Name} carried {English.A(c.Thing)}.");
        s.Ask($"They took {c.Food} and {English.A(c.Thing)} with them.", "What did they take with them?", "What did they carry?");
        Scene.AskColour(s, c.Item.Name, c.Colour);
        s.Paragraph();
        string trouble = s.Random.Pick(["rain", "snow", "thunder", "wind"]);
        s.Say(
            trouble switch
            {
                "rain" => "Suddenly dark clouds came and it began to rain hard.",
                "snow" => "Suddenly it became cold and thick snow began to fall.",
                "thunder" => "Suddenly there was loud thunder and bright lightning.",
                _ => "Suddenly a strong wind began to blow and the trees shook.",
            });
        s.Ask(
            trouble switch
            {
                "rain" => "It began to rain.",
                "snow" => "It began to snow.",
                "thunder" => "There was thunder and lightning.",
                _ => "A strong wind began to blow.",
            },
            "How did the weather change?",
            "What happened suddenly?");
        s.Say($"\"We must find a dry place!\" said {hero.Name}.", $"{friend.Name} was scared of the {trouble}.", $"\"I am scared,\" said {friend.Name}.");
        s.Ask($"{friend.Name} was scared because of the {trouble}.", $"Why was {friend.Name} scared?");
        s.Say($"They ran as fast as they could and found {shelter}.", $"They saw {shelter} and ran inside.");
        s.Ask($"They hid in {shelter}.", "Where did they hide?", "Where did they find shelter?", "Where were they safe?", "Where did they wait?");
        if (s.Random.Chance(0.6))
        {
            s.Say($"Inside sat a small {c.Animal.Name}. It was wet and cold too.", $"There they found {English.A(c.Animal.Name)} that was hiding as well.");
            s.Say($"They gave the {c.Animal.Name} some {c.Food}.", $"The {c.Animal.Name} came close to them, and they all kept warm together.");
            s.Ask($"They met {English.A(c.Animal.Name)}.", "Which animal did they meet?", "Who was there too?", $"Who was in the {shelter[(shelter.LastIndexOf(' ') + 1)..]}?");
            s.Topic(English.A(c.Animal.Name));
        }

        s.Say($"They ate the {c.Food} and told each other stories.", $"They waited, sang songs and ate the {c.Food}.");
        s.Ask($"They ate the {c.Food}.", "What did they eat?", "What did they do while they waited?");
        s.Say("After an hour the sun came back.", "At last the sky was clear again.", "Then a beautiful rainbow stood in the sky.");
        s.Say($"They walked home, happy and safe.", $"{hero.Name} and {friend.Name} went home hand in hand.");
        s.Ask("At the end they went home.", "What happened at the end?", "Where did they go at the end?", "How does the story end?");
        Scene.Close(s, c);
        s.Topic("a storm");
        s.Topic($"two friends {c.Place.At}");
        s.SummedUpAs($"{hero.Name} and {friend.Name} are {c.Place.At} when the weather changes, and they hide in {shelter}.");
    }
}
