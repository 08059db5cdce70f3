namespace Fathom.BuiltinModel.Corpus.Plots;

/// <summary>Something dear is lost, looked for and found by somebody who is thanked.</summary>
internal static class LostAndFound
{
    public static void Tell(Story s, Cast c)
    {
        Person hero = c.Hero, friend = c.Friend;
        string thing = c.Item.Name;
        string spot = s.Random.Pick(c.Place.Spots);
        Scene.Open(s, c);
        string giver = $"{hero.His} {c.Relative}";
        s.Say(
            $"{hero.Name} had {English.A(c.Thing)} that {giver} had given {hero.Him}.",
            $"{hero.CapitalHe} had {English.A(c.Thing)}. It was a gift from {giver}.",
            $"{hero.Name} loved {hero.His} {c.Thing}, which was a gift from {giver}.");
        s.Ask($"{hero.Name}'s {c.Relative} gave {hero.Him} the {thing}.", $"Who gave {hero.Name} the {thing}?", $"From whom did {hero.Name} get the {thing}?");
        Scene.AskColour(s, thing, c.Colour);
        Scene.GoTogether(s, c);
        s.Say("They ran and laughed and played for a long time.", $"They played {c.Place.At} all morning.", "They had a lot of fun together.");
        s.Paragraph();
        s.Say(
            $"When it was time to go home, {hero.Name} could not find the {thing}.",
            $"Then {hero.Name} saw that the {thing} was gone.",
            $"But suddenly the {thing} was not there any more.");
        s.Say($"{hero.Name} was very sad.", $"{hero.CapitalHe} began to cry.", $"{hero.Name} was sad and did not know what to do.");
        Scene.AskFeeling(s, hero, "sad", $"{hero.He} lost the {thing}");
        s.Ask($"{hero.Name} lost the {c.Thing}.", $"What did {hero.Name} lose?", "What was lost?", "What was gone?");
        s.Say($"\"Do not worry,\" said {friend.Name}. \"We will look for it together.\"", $"\"I will help you,\" said {friend.Name}.", $"{friend.Name} said, \"Let us look for it.\"");
        s.Maybe(0.6, $"They looked {s.Random.Pick(c.OtherPlace.Spots)}, but it was not there.", "They looked everywhere, but they did not find it.");
        if (s.Random.Chance(0.5))
        {
            s.Say($"Then {English.A(c.Animal.Name)} came out of the grass and showed them the way.", $"Then they met {English.A(c.Animal.Name)}. The {c.Animal.Name} had seen the {thing}.");
            s.Say($"The {thing} was {spot}!", $"It led them to the {thing}. It was {spot}.");
            s.Ask($"The {c.Animal.Name} helped them.", "Who helped them?", $"Who helped {hero.Name} and {friend.Name}?", "Which animal is in the story?");
            s.Topic(English.A(c.Animal.Name));
        }
        else
        {
            s.Say($"At last {friend.Name} found it {spot}.", $"Then {friend.Name} saw something {c.Colour} {spot}. It was the {thing}!");
            s.Ask($"{friend.Name} found the {thing}.", $"Who found the {thing}?");
        }

        s.Ask($"The {thing} was {spot}.", $"Where was the {thing}?", $"Where did they find the {thing}?", $"Where was the {c.Thing}?");
        s.AskYesNo($"the {thing} was {spot}", spot, [.. World.Places.SelectMany(p => p.Spots).Distinct()], other => $"Was the {thing} {other}?");
        s.Say($"{hero.Name} was happy again and said thank you.", $"\"Thank you!\" said {hero.Name}. {hero.CapitalHe} was so happy.", $"{hero.Name} smiled and gave {friend.Name} some {c.Food}.");
        Scene.Close(s, c);
        s.Topic($"a lost {thing}");
        s.Topic(English.A(c.Thing));
        s.SummedUpAs($"{hero.Name} loses {English.A(c.Thing)} {c.Place.At}, and it is found {spot}.");
    }
}
